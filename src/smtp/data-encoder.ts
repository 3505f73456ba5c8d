// Mail data on its way out (RFC 5321, section 4.5.2): dots stuffed, and the end of data. Bodies from the spool have
// CRLF line ends only, so that a line starts after each LF; nothing is repaired here.

import { CRLF, Keeper } from './keeper.ts';
import { CR, LF } from './line-ends.ts';

const DOT = 0x2e;
const A_DOT = Buffer.from('.');
const END_OF_DATA = Buffer.from('.\r\n');

/** Stuffs one message for DATA. What comes out is the same wherever the chunks' borders lie. */
export class DataEncoder {
  // As if a line had just ended.
  #last: number = LF;
  #beforeLast: number = CR;

  /** `chunk` as a few slices for the wire, dots stuffed. */
  encode(chunk: Uint8Array): readonly Uint8Array[] {
    const kept = new Keeper(chunk);
    let from = 0;
    for (let at = chunk.indexOf(DOT); at >= 0; at = chunk.indexOf(DOT, at + 1)) {
      if ((at === 0 ? this.#last : chunk[at - 1]) !== LF) continue;
      kept.keep(from, at);
      kept.insert(A_DOT);
      from = at;
    }
    kept.keep(from, chunk.length);
    if (chunk.length > 0) {
      this.#beforeLast = chunk.length > 1 ? (chunk[chunk.length - 2] ?? 0) : this.#last;
      this.#last = chunk[chunk.length - 1] ?? 0;
    }
    return kept.slices();
  }

  /** What ends the data on the wire: the CRLF of the last line, where it lacks one, and the dot's line. */
  end(): Uint8Array {
    return this.#beforeLast === CR && this.#last === LF ? END_OF_DATA : Buffer.concat([CRLF, END_OF_DATA]);
  }
}
