// What is kept of a chunk that goes through a filter: slices of it, and constants between them, uncopied while
// they are few. A chunk that would fall into many slices is copied from there on, so that each chunk costs its
// reader a few writes, whatever is in it. What is kept in one run is one slice.

/** A line end. */
export const CRLF = Buffer.from('\r\n');

// A chunk gives at most so many slices, and one more. Each costs its reader an awaited write.
const MOST_SLICES = 16;
// A loop over fewer octets than this is faster than a call.
const SHORT = 24;

/** Collects what is kept of one chunk, in order. */
export class Keeper {
  readonly #chunk: Uint8Array;
  readonly #slices: Uint8Array[] = [];
  // The run that is not yet among the slices.
  #from = 0;
  #to = 0;
  // Where octets go once there are too many slices, and how many of its octets are filled.
  #copy: Buffer | undefined;
  #filled = 0;

  /** `chunk` must not change as long as its slices are in use. */
  constructor(chunk: Uint8Array) {
    this.#chunk = chunk;
  }

  /** Keeps the chunk's octets from `from` up to `to`, which lie behind all that is kept already. */
  keep(from: number, to: number): void {
    if (this.#copy === undefined && from !== this.#to) {
      this.#endRun();
      this.#from = from;
    }
    if (this.#copy === undefined) this.#to = to;
    else this.#copyChunk(this.#copy, from, to);
  }

  /** Keeps the CRLF whose LF is at `at`; its CR may have been in the chunk before. */
  keepLineEnd(at: number): void {
    if (at === 0) this.insert(CRLF);
    else this.keep(at - 1, at + 1);
  }

  /**
   * Keeps one or two octets that are not the chunk's; at most once for each octet of it, and twice for what was
   * held back before it.
   */
  insert(octets: Uint8Array): void {
    if (this.#copy === undefined) this.#endRun();
    if (this.#copy === undefined) return void this.#slices.push(octets);
    for (let at = 0; at < octets.length; at++) this.#copy[this.#filled + at] = octets[at] ?? 0;
    this.#filled += octets.length;
  }

  /** All that was kept. To be called once, at the chunk's end. */
  slices(): readonly Uint8Array[] {
    if (this.#copy !== undefined) return [...this.#slices, this.#copy.subarray(0, this.#filled)];
    if (this.#to > this.#from) this.#slices.push(this.#chunk.subarray(this.#from, this.#to));
    return this.#slices;
  }

  #endRun(): void {
    if (this.#to > this.#from) this.#slices.push(this.#chunk.subarray(this.#from, this.#to));
    this.#from = this.#to;
    // No octet of the chunk becomes more than two, and what was held back before it are two line ends at most.
    if (this.#slices.length >= MOST_SLICES) this.#copy = Buffer.allocUnsafe(2 * this.#chunk.length + 4);
  }

  #copyChunk(into: Buffer, from: number, to: number): void {
    if (to - from > SHORT) into.set(this.#chunk.subarray(from, to), this.#filled);
    else for (let at = from; at < to; at++) into[this.#filled + at - from] = this.#chunk[at] ?? 0;
    this.#filled += to - from;
  }
}
