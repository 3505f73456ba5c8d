// Line ends (RFC 5321, section 2.3.8): only CRLF is one, and a bare CR or LF is repaired into it. CR CR LF is one
// line end with a CR too many (println of a line that has its own CR, text written in Windows' text mode), as
// Postfix has it too: as two it would end the header section after its first field.

import { CRLF, Keeper } from './keeper.ts';

/** Carriage return, as an octet. */
export const CR = 0x0d;
/** Line feed, as an octet. */
export const LF = 0x0a;

/**
 * Repairs the line ends of a text in which dots have no meaning: one that comes by BDAT, or is our own. What comes
 * out is the same wherever the chunks' borders lie; at most two octets are held back between them.
 */
export class LineEndRepair {
  #heldCrs: 0 | 1 | 2 = 0;

  /** The octets with CRLF line ends only, in a few slices; CRs at the chunk's end are held back. */
  repair(chunk: Uint8Array): readonly Uint8Array[] {
    const kept = new Keeper(chunk);
    const lineEnds = new LineEndFinder(chunk);
    for (let at = 0; at < chunk.length; ) {
      const octet = chunk[at];
      if (octet === LF) {
        if (this.#heldCrs > 0) kept.keepLineEnd(at);
        else kept.insert(CRLF);
        this.#heldCrs = 0;
        at += 1;
      } else if (octet === CR) {
        if (this.#heldCrs === 2) kept.insert(CRLF); // the first of three is bare
        this.#heldCrs = this.#heldCrs === 0 ? 1 : 2;
        at += 1;
      } else {
        for (const crlf of this.end()) kept.insert(crlf);
        const end = lineEnds.next(at);
        kept.keep(at, end);
        at = end;
      }
    }
    return kept.slices();
  }

  /** What is still held back, when the text ends: a line end for each CR. */
  end(): readonly Uint8Array[] {
    if (this.#heldCrs === 0) return NOTHING;
    const held = Array.from({ length: this.#heldCrs }, () => CRLF);
    this.#heldCrs = 0;
    return held;
  }
}

const NOTHING: readonly Uint8Array[] = [];

// A loop over fewer octets than this is faster than a call.
const SHORT = 24;

/** Finds CR and LF in a chunk, front to back. Each octet is looked at once for either, however the chunk looks. */
export class LineEndFinder {
  readonly #chunk: Uint8Array;
  // Where the next CR and LF are, as far as they were looked for.
  #cr = -1;
  #lf = -1;

  /** `chunk` must not change meanwhile. */
  constructor(chunk: Uint8Array) {
    this.#chunk = chunk;
  }

  /** Where the first CR or LF at or after `from` is; the chunk's length when there is none. `from` must not go back. */
  next(from: number): number {
    const chunk = this.#chunk;
    const near = Math.min(from + SHORT, chunk.length);
    for (let at = from; at < near; at++) if (chunk[at] === CR || chunk[at] === LF) return at;
    if (this.#cr < from) this.#cr = this.#find(CR, from);
    if (this.#lf < from) this.#lf = this.#find(LF, from);
    return Math.min(this.#cr, this.#lf);
  }

  #find(octet: number, from: number): number {
    const found = this.#chunk.indexOf(octet, from);
    return found < 0 ? this.#chunk.length : found;
  }
}
