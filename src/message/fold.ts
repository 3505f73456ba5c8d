// Lines are at most 998 octets (RFC 5322, section 2.1.1; RFC 5321, section 4.5.3.1.6): some providers refuse longer
// ones, and others cut them anywhere. They are folded where they come in, so that what is stored is what is sent
// and declared. A fold is CRLF and a space, as Postfix has it; but where there is white space it goes in front of
// that and adds the CRLF alone, which in the header section is folding as RFC 5322, section 2.2.3, has it. At most
// one line is held in memory. Short lines pass uncopied.

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;

// Octets of a line without its CRLF.
const LONGEST_LINE = 998;

// Folds are in a line's second half only, so that no line is copied often.
const EARLIEST_FOLD = LONGEST_LINE / 2;
// Where there is no white space, the fold follows one of these: it is then between addresses, or between tags of HTML.
const AFTER: ReadonlySet<number> = new Set([',', ';', '>'].map((one) => one.charCodeAt(0)));

/** Folds one message's lines. What comes out is the same wherever the chunks' borders lie. */
export class LineFolder {
  // The beginning of a line that is not finished, or too long; how many of its octets are filled.
  readonly #held = Buffer.alloc(LONGEST_LINE + 2);
  #length = 0;

  /** The octets, whose lines end with CRLF, with the long ones folded, in slices; an unfinished line is held back. */
  fold(chunk: Uint8Array): readonly Uint8Array[] {
    const out: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#length === 0) {
        const from = at;
        at = endOfShortLines(chunk, at);
        if (at > from) out.push(chunk.subarray(from, at));
      }
      at = this.#hold(chunk, at);
      while (this.#contentLength() > LONGEST_LINE) out.push(this.#foldHeld());
      if (this.#isWhole()) out.push(this.#releaseHeld());
    }
    return out;
  }

  /** What is still held back, when the message ends. */
  end(): readonly Uint8Array[] {
    return this.#length === 0 ? [] : [this.#releaseHeld()];
  }

  /**
   * Holds octets of the chunk from its place `at` on; where it stopped: after the line's end, when there is no more
   * room, or at the chunk's end.
   */
  #hold(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#held.length - this.#length);
    const lf = chunk.subarray(at, end).indexOf(LF);
    const to = lf < 0 ? end : at + lf + 1;
    this.#held.set(chunk.subarray(at, to), this.#length);
    this.#length += to - at;
    return to;
  }

  #isWhole(): boolean {
    return this.#length > 0 && this.#held[this.#length - 1] === LF;
  }

  /** Octets of the held line without its end, as far as that is known. */
  #contentLength(): number {
    const length = this.#length - (this.#isWhole() ? 1 : 0);
    return length - (this.#held[length - 1] === CR ? 1 : 0);
  }

  /** Cuts what is held, which is too long for one line; the rest stays held. */
  #foldHeld(): Uint8Array {
    const at = foldingPlace(this.#held.subarray(0, this.#length));
    const line = Buffer.allocUnsafe(at + 2);
    this.#held.copy(line, 0, 0, at);
    line[at] = CR;
    line[at + 1] = LF;
    const isAtSpace = isWhite(this.#held[at]);
    this.#held.copyWithin(isAtSpace ? 0 : 1, at, this.#length);
    if (!isAtSpace) this.#held[0] = SPACE;
    this.#length += isAtSpace ? -at : 1 - at;
    return line;
  }

  #releaseHeld(): Uint8Array {
    const line = Buffer.from(this.#held.subarray(0, this.#length));
    this.#length = 0;
    return line;
  }
}

/**
 * The place after the last of the lines from `from` on that are whole and short; `from` itself when the first one
 * is not.
 */
function endOfShortLines(chunk: Uint8Array, from: number): number {
  for (let at = from; ; ) {
    // A line end within reach: all lines up to it are short, however many there are.
    const last = chunk.subarray(at, at + LONGEST_LINE + 1).lastIndexOf(LF);
    if (last < 0) return at;
    at += last + 1;
  }
}

/**
 * Where a line longer than LONGEST_LINE is cut: in front of white space, after a comma and the like, or at its
 * limit; never inside a character of UTF-8.
 */
function foldingPlace(line: Uint8Array): number {
  for (let at = LONGEST_LINE; at >= EARLIEST_FOLD; at--) if (isWhite(line[at])) return at;
  for (let at = LONGEST_LINE; at >= EARLIEST_FOLD; at--) if (AFTER.has(line[at - 1] ?? 0)) return at;
  for (let at = LONGEST_LINE; at > LONGEST_LINE - 4; at--) if (!isContinuation(line[at])) return at;
  return LONGEST_LINE; // it is no UTF-8
}

const isWhite = (octet: number | undefined) => octet === SPACE || octet === TAB;
const isContinuation = (octet: number | undefined) => octet !== undefined && (octet & 0xc0) === 0x80;
