// Mail data (RFC 5321, sections 4.5.2 and 2.3.8): un-stuffing and end of data on the way in, stuffing
// on the way out, and the repair of line ends.
//
// Only <CRLF>.<CRLF> ends a message. A bare CR or LF is repaired into CRLF in what is kept, but has
// no meaning for where the message ends: that difference is what SMTP smuggling lives on. The one
// exception is a session that has ended its very first command with a bare LF; there a line ends
// with LF, a CR before it optional, and the dot rule follows.
//
// CR CR LF is one line end with a CR too many (println of a line that has its own CR, text written in
// Windows' text mode), as Postfix has it too: as two it would end the header section after its first field.
//
// No copies of ordinary text: what comes out are slices of what came in, and constants. Only a chunk
// that would fall into many slices is copied. The decoder carries at most two octets between chunks.

import { CRLF, keeper } from './keeper.ts';

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** How lines end in this session: `lf` also takes a bare LF. */
export type LineEnding = 'crlf' | 'lf';

export type Decoded = {
  /** What is kept of the chunk, in order, dots un-stuffed and line ends repaired; a few slices, however it looks. */
  readonly body: readonly Uint8Array[];
  /** What followed the end of data; present only once that was seen. May be empty. */
  readonly rest?: Uint8Array;
};

export interface DataDecoder {
  decode(chunk: Uint8Array): Decoded;
}

// Where the decoder stands. CRs and a leading dot are held back, for what follows decides on them.
//   start  at the start of a line: after CRLF, or of the data    dot    after a dot that began a line
//   text   inside a line                                         dotCr  after such a dot and a CR
//   cr     after a CR inside a line                              crCr   after two of them
type State = 'start' | 'text' | 'cr' | 'crCr' | 'dot' | 'dotCr';

/**
 * A decoder of one message's DATA. Feed chunks until `rest` is there. What comes out is the same
 * wherever the chunks' borders lie.
 */
export function dataDecoder(lineEnding: LineEnding): DataDecoder {
  let state: State = 'start';
  return {
    decode(chunk) {
      const kept = keeper(chunk);
      const lineEnd = lineEndFinder(chunk);
      for (let at = 0; at < chunk.length; ) {
        const octet = chunk[at];
        switch (state) {
          case 'start':
            // A dot that begins a line is never kept (RFC 5321, section 4.5.2).
            if (octet === DOT) at += 1;
            state = octet === DOT ? 'dot' : 'text';
            break;
          case 'text':
            if (octet === CR) {
              at += 1;
              state = 'cr';
            } else if (octet === LF) {
              // A bare LF, repaired. A dot after it is just a dot, unless this session's lines end so.
              kept.insert(CRLF);
              at += 1;
              if (lineEnding === 'lf') state = 'start';
            } else {
              const end = lineEnd(at);
              kept.keep(at, end);
              at = end;
            }
            break;
          case 'cr':
            if (octet === LF) {
              kept.keepLineEnd(at);
              state = 'start';
              at += 1;
            } else if (octet === CR) {
              state = 'crCr';
              at += 1;
            } else {
              kept.insert(CRLF); // a bare CR
              state = 'text';
            }
            break;
          case 'crCr':
            if (octet === LF) {
              kept.keepLineEnd(at);
              state = 'start';
              at += 1;
            } else {
              kept.insert(CRLF); // the first of them is bare, whatever becomes of the second
              if (octet === CR) at += 1;
              else state = 'cr';
            }
            break;
          case 'dot':
            if (octet === LF && lineEnding === 'lf') return { body: kept.slices(), rest: chunk.subarray(at + 1) };
            if (octet === CR) at += 1;
            state = octet === CR ? 'dotCr' : 'text';
            break;
          case 'dotCr':
            if (octet === LF) return { body: kept.slices(), rest: chunk.subarray(at + 1) };
            state = 'cr'; // ".<CR>x": the dot was stuffing, the CR is one inside a line
            break;
        }
      }
      return { body: kept.slices() };
    },
  };
}

export interface LineEndRepair {
  /** The octets with CRLF line ends only, in a few slices; CRs at the chunk's end are held back. */
  repair(chunk: Uint8Array): readonly Uint8Array[];
  /** What is still held back. */
  end(): readonly Uint8Array[];
}

/** Repairs the line ends of a text in which dots have no meaning: one that comes by BDAT, or is our own. */
export function lineEndRepair(): LineEndRepair {
  let heldCrs = 0; // one or two at most
  return {
    repair(chunk) {
      const kept = keeper(chunk);
      const lineEnd = lineEndFinder(chunk);
      for (let at = 0; at < chunk.length; ) {
        const octet = chunk[at];
        if (octet === LF) {
          if (heldCrs > 0) kept.keepLineEnd(at);
          else kept.insert(CRLF);
          heldCrs = 0;
          at += 1;
        } else if (octet === CR) {
          if (heldCrs === 2) kept.insert(CRLF); // the first of three is bare
          heldCrs = Math.min(heldCrs + 1, 2);
          at += 1;
        } else {
          for (; heldCrs > 0; heldCrs--) kept.insert(CRLF);
          const end = lineEnd(at);
          kept.keep(at, end);
          at = end;
        }
      }
      return kept.slices();
    },
    end() {
      const out = Array.from({ length: heldCrs }, () => CRLF);
      heldCrs = 0;
      return out;
    },
  };
}

// Shorter than this a loop is quicker than a call.
const SHORT = 24;

/** Finds the first CR or LF at or after a place that only moves forward; the chunk's length for none. Each octet is looked at once for either. */
function lineEndFinder(chunk: Uint8Array): (from: number) => number {
  let cr = -1;
  let lf = -1;
  const next = (octet: number, known: number, from: number) => {
    if (known >= from) return known;
    const found = chunk.indexOf(octet, from);
    return found < 0 ? chunk.length : found;
  };
  return (from) => {
    const near = Math.min(from + SHORT, chunk.length);
    for (let at = from; at < near; at++) if (chunk[at] === CR || chunk[at] === LF) return at;
    cr = next(CR, cr, from);
    lf = next(LF, lf, from);
    return Math.min(cr, lf);
  };
}

/** The end of data on the wire, after a body that ends with CRLF. */
export const END_OF_DATA = Buffer.from('.\r\n');

export interface DataEncoder {
  /** `chunk` as a few slices for the wire, dots stuffed. */
  encode(chunk: Uint8Array): readonly Uint8Array[];
  /** What ends the data: the missing CRLF, if any, and the dot. */
  end(): Uint8Array;
}

const A_DOT = Buffer.from('.');

/** Stuffs one message for DATA. Bodies from the spool have CRLF line ends only, so a line starts after each LF. */
export function dataEncoder(): DataEncoder {
  let last: number = LF; // as if a line had just ended
  let beforeLast: number = CR;
  return {
    encode(chunk) {
      const kept = keeper(chunk);
      let from = 0;
      for (let at = chunk.indexOf(DOT); at >= 0; at = chunk.indexOf(DOT, at + 1)) {
        if ((at === 0 ? last : chunk[at - 1]) !== LF) continue;
        kept.keep(from, at);
        kept.insert(A_DOT);
        from = at;
      }
      kept.keep(from, chunk.length);
      if (chunk.length > 0) {
        beforeLast = chunk.length > 1 ? (chunk[chunk.length - 2] ?? 0) : last;
        last = chunk[chunk.length - 1] ?? 0;
      }
      return kept.slices();
    },
    end() {
      return beforeLast === CR && last === LF ? END_OF_DATA : Buffer.concat([CRLF, END_OF_DATA]);
    },
  };
}
