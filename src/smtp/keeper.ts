// What is kept of a chunk that goes through a filter: slices of it, and constants between them, uncopied while
// they are few. A chunk that would fall into many is copied from there on, so that it costs its reader a few
// writes however it looks. What is kept in one run is one slice.

export const CRLF = Buffer.from('\r\n');

// A chunk gives at most so many slices, and one more. Each costs its reader an awaited write.
const MOST_SLICES = 16;
// Shorter than this a loop is quicker than a call.
const SHORT = 24;

export interface Keeper {
  /** Keeps the chunk's octets from `from` up to `to`. */
  keep(from: number, to: number): void;
  /** Keeps the CRLF whose LF is at `at`; its CR may have been in the chunk before. */
  keepLineEnd(at: number): void;
  /** Keeps one or two octets that are not the chunk's, for one of it that is or is not kept. */
  insert(octets: Uint8Array): void;
  slices(): readonly Uint8Array[];
}

/** Collects what is kept of `chunk`, in order. */
export function keeper(chunk: Uint8Array): Keeper {
  const slices: Uint8Array[] = [];
  let from = 0; // the run that is not yet among the slices
  let to = 0;
  let copy: Buffer | undefined;
  let length = 0; // of what is in the copy

  const endRun = () => {
    if (to > from) slices.push(chunk.subarray(from, to));
    from = to;
    // No octet of the chunk becomes more than two, and what was held back before it are two line ends at most.
    if (slices.length >= MOST_SLICES) copy = Buffer.allocUnsafe(2 * chunk.length + 4);
  };
  const copyTo = (into: Buffer, first: number, end: number) => {
    if (end - first > SHORT) into.set(chunk.subarray(first, end), length);
    else for (let at = first; at < end; at++) into[length + at - first] = chunk[at] ?? 0;
    length += end - first;
  };

  const self: Keeper = {
    keep(first, end) {
      if (copy !== undefined) return copyTo(copy, first, end);
      if (first !== to) {
        endRun();
        if (copy !== undefined) return copyTo(copy, first, end);
        from = first;
      }
      to = end;
    },
    keepLineEnd(at) {
      if (at === 0) self.insert(CRLF);
      else self.keep(at - 1, at + 1);
    },
    insert(octets) {
      if (copy === undefined) endRun();
      if (copy === undefined) return void slices.push(octets);
      for (let at = 0; at < octets.length; at++) copy[length + at] = octets[at] ?? 0;
      length += octets.length;
    },
    slices() {
      if (copy === undefined && to > from) slices.push(chunk.subarray(from, to));
      return copy === undefined ? slices : [...slices, copy.subarray(0, length)];
    },
  };
  return self;
}
