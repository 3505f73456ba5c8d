// Mail data (RFC 5321, sections 4.5.2 and 2.3.8): un-stuffing and end of data on the way in, stuffing
// on the way out, and the repair of line ends.
//
// Only <CRLF>.<CRLF> ends a message. A bare CR or LF is repaired into CRLF in what is kept, but has
// no meaning for where the message ends: that difference is what SMTP smuggling lives on. The one
// exception is a session that has ended its very first command with a bare LF; there a line ends
// with LF, a CR before it optional, and the dot rule follows.
//
// No copies: what comes out are slices of what came in, and constants. The decoder carries at most
// two octets of state between chunks.

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const CRLF = Buffer.from('\r\n');

/** How lines end in this session: `lf` also takes a bare LF. */
export type LineEnding = 'crlf' | 'lf';

export type Decoded = {
  /** Slices of the chunk, in order, dots un-stuffed and line ends repaired. */
  readonly body: readonly Uint8Array[];
  /** What followed the end of data; present only once that was seen. May be empty. */
  readonly rest?: Uint8Array;
};

export interface DataDecoder {
  decode(chunk: Uint8Array): Decoded;
}

// Where the decoder stands. A CR and a leading dot are held back at a chunk's border, for what follows decides on them.
//   start  at the start of a line: after CRLF, or of the data    dot    after a dot that began a line
//   text   inside a line                                         dotCr  after such a dot and a CR
//   cr     after a CR inside a line
type State = 'start' | 'text' | 'cr' | 'dot' | 'dotCr';

/**
 * A decoder of one message's DATA. Feed chunks until `rest` is there. What comes out is the same
 * wherever the chunks' borders lie.
 */
export function dataDecoder(lineEnding: LineEnding): DataDecoder {
  let state: State = 'start';
  return {
    decode(chunk) {
      const body: Uint8Array[] = [];
      const lineEnd = lineEndFinder(chunk);
      let from = 0; // what is decoded but not yet given out starts here
      let at = 0;
      const give = (to: number) => {
        if (to > from) body.push(chunk.subarray(from, to));
      };
      const skipTo = (next: number) => {
        from = next;
        at = next;
      };
      while (at < chunk.length) {
        switch (state) {
          case 'text': {
            const end = lineEnd(at);
            const isCr = chunk[end] === CR;
            if (isCr && chunk[end + 1] === LF) {
              at = end + 2; // the usual case costs no slice
              state = 'start';
            } else if (end === chunk.length) {
              at = end;
            } else {
              give(end);
              skipTo(end + 1);
              if (isCr && at === chunk.length) {
                state = 'cr';
              } else {
                // A bare CR or LF, repaired. A dot after it is just a dot, unless this session's lines end so.
                body.push(CRLF);
                if (!isCr && lineEnding === 'lf') state = 'start';
              }
            }
            break;
          }
          case 'cr':
            body.push(CRLF);
            if (chunk[at] === LF) {
              skipTo(at + 1);
              state = 'start';
            } else {
              state = 'text';
            }
            break;
          case 'start':
            if (chunk[at] === DOT) {
              give(at); // a dot that begins a line is never kept (RFC 5321, section 4.5.2)
              skipTo(at + 1);
              state = 'dot';
            } else {
              state = 'text';
            }
            break;
          case 'dot':
            if (chunk[at] === CR) {
              skipTo(at + 1);
              state = 'dotCr';
            } else if (chunk[at] === LF && lineEnding === 'lf') {
              return { body, rest: chunk.subarray(at + 1) };
            } else {
              state = 'text';
            }
            break;
          case 'dotCr':
            if (chunk[at] === LF) return { body, rest: chunk.subarray(at + 1) };
            body.push(CRLF); // ".<CR>x": the dot was stuffing, the CR is bare
            state = 'text';
            break;
        }
      }
      give(chunk.length);
      return { body };
    },
  };
}

export interface LineEndRepair {
  /** The octets with CRLF line ends only, as slices; a CR at the chunk's end is held back. */
  repair(chunk: Uint8Array): readonly Uint8Array[];
  /** What is still held back. */
  end(): readonly Uint8Array[];
}

/** Repairs the line ends of a text that comes by BDAT, where no dot has a meaning. */
export function lineEndRepair(): LineEndRepair {
  let holdsCr = false;
  return {
    repair(chunk) {
      const out: Uint8Array[] = [];
      const lineEnd = lineEndFinder(chunk);
      let from = 0;
      let at = 0;
      if (holdsCr && chunk.length > 0) {
        out.push(CRLF);
        holdsCr = false;
        if (chunk[0] === LF) from = at = 1;
      }
      while (at < chunk.length) {
        const end = lineEnd(at);
        if (end === chunk.length) break;
        if (chunk[end] === CR && chunk[end + 1] === LF) {
          at = end + 2;
          continue;
        }
        if (end > from) out.push(chunk.subarray(from, end));
        from = at = end + 1;
        if (chunk[end] === CR && at === chunk.length) holdsCr = true;
        else out.push(CRLF);
      }
      if (chunk.length > from) out.push(chunk.subarray(from));
      return out;
    },
    end() {
      const out = holdsCr ? [CRLF] : [];
      holdsCr = false;
      return out;
    },
  };
}

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
    cr = next(CR, cr, from);
    lf = next(LF, lf, from);
    return Math.min(cr, lf);
  };
}

/** The end of data on the wire, after a body that ends with CRLF. */
export const END_OF_DATA = Buffer.from('.\r\n');

export interface DataEncoder {
  /** `chunk` as slices for the wire, dots stuffed. */
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
      const out: Uint8Array[] = [];
      let from = 0;
      for (let at = chunk.indexOf(DOT); at >= 0; at = chunk.indexOf(DOT, at + 1)) {
        if ((at === 0 ? last : chunk[at - 1]) !== LF) continue;
        if (at > from) out.push(chunk.subarray(from, at));
        out.push(A_DOT);
        from = at;
      }
      if (from < chunk.length) out.push(chunk.subarray(from));
      if (chunk.length > 0) {
        beforeLast = chunk.length > 1 ? (chunk[chunk.length - 2] ?? 0) : last;
        last = chunk[chunk.length - 1] ?? 0;
      }
      return out;
    },
    end() {
      return beforeLast === CR && last === LF ? END_OF_DATA : Buffer.concat([CRLF, END_OF_DATA]);
    },
  };
}
