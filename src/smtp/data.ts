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

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const CRLF = Buffer.from('\r\n');

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

// Where the decoder stands. CRs and a leading dot are held back at a chunk's border, for what follows decides on them.
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
      let from = 0; // what is decoded but not yet given out starts here
      let at = 0;
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
              kept.slice(from, end);
              skipTo(end + 1);
              if (isCr && at === chunk.length) {
                state = 'cr';
              } else if (isCr && chunk[at] === CR && at + 1 === chunk.length) {
                skipTo(at + 1);
                state = 'crCr';
              } else if (!(isCr && chunk[at] === CR && chunk[at + 1] === LF)) {
                // A bare CR or LF, repaired. A dot after it is just a dot, unless this session's lines end so.
                kept.insert(CRLF);
                if (!isCr && lineEnding === 'lf') state = 'start';
              }
            }
            break;
          }
          case 'cr':
            if (chunk[at] === CR) {
              skipTo(at + 1);
              state = 'crCr';
              break;
            }
            kept.insert(CRLF);
            state = chunk[at] === LF ? 'start' : 'text';
            if (state === 'start') skipTo(at + 1);
            break;
          case 'crCr':
            kept.insert(CRLF);
            if (chunk[at] === CR) {
              skipTo(at + 1); // the first of three is bare
            } else if (chunk[at] === LF) {
              skipTo(at + 1);
              state = 'start';
            } else {
              kept.insert(CRLF);
              state = 'text';
            }
            break;
          case 'start':
            if (chunk[at] === DOT) {
              kept.slice(from, at); // a dot that begins a line is never kept (RFC 5321, section 4.5.2)
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
              return { body: kept.slices(), rest: chunk.subarray(at + 1) };
            } else {
              state = 'text';
            }
            break;
          case 'dotCr':
            if (chunk[at] === LF) return { body: kept.slices(), rest: chunk.subarray(at + 1) };
            state = 'cr'; // ".<CR>x": the dot was stuffing, the CR is one inside a line
            break;
        }
      }
      kept.slice(from, chunk.length);
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
      let from = 0;
      let at = 0;
      for (; heldCrs > 0 && at < chunk.length; from = at) {
        if (chunk[at] === CR) {
          if (heldCrs === 2) kept.insert(CRLF);
          heldCrs = 2;
          at += 1;
          continue;
        }
        for (let bare = chunk[at] === LF ? 1 : heldCrs; bare > 0; bare--) kept.insert(CRLF);
        if (chunk[at] === LF) at += 1;
        heldCrs = 0;
      }
      while (at < chunk.length) {
        const end = lineEnd(at);
        if (end === chunk.length) break;
        const isCr = chunk[end] === CR;
        if (isCr && chunk[end + 1] === LF) {
          at = end + 2;
          continue;
        }
        kept.slice(from, end);
        from = at = end + 1;
        if (isCr && at === chunk.length) {
          heldCrs = 1;
        } else if (isCr && chunk[at] === CR && at + 1 === chunk.length) {
          heldCrs = 2;
          from = at = at + 1;
        } else if (!(isCr && chunk[at] === CR && chunk[at + 1] === LF)) {
          kept.insert(CRLF);
        }
      }
      kept.slice(from, chunk.length);
      return kept.slices();
    },
    end() {
      const out = Array.from({ length: heldCrs }, () => CRLF);
      heldCrs = 0;
      return out;
    },
  };
}

// A chunk gives at most so many slices, and one more. Each costs its reader an awaited write.
const MOST_SLICES = 16;
// Shorter than this a loop is quicker than a call.
const SHORT = 24;

interface Keeper {
  /** Keeps the chunk's octets from `from` up to `to`; where one call ends the next begins, or later. */
  slice(from: number, to: number): void;
  /** Keeps one or two octets more, for an octet of the chunk that is or is not kept. */
  insert(octets: Uint8Array): void;
  slices(): readonly Uint8Array[];
}

/** Collects what is kept of `chunk`: as slices while these are few, from then on as one copy. */
function keeper(chunk: Uint8Array): Keeper {
  const slices: Uint8Array[] = [];
  let copy: Buffer | undefined;
  let length = 0;
  /** Where octets are copied to, once there are too many slices. */
  const target = (): Buffer | undefined => {
    // No octet of the chunk becomes more than two, and what was held back before it are two line ends at most.
    if (slices.length === MOST_SLICES) copy ??= Buffer.allocUnsafe(2 * chunk.length + 4);
    return copy;
  };
  const copyTo = (into: Buffer, octets: Uint8Array, from: number, to: number) => {
    if (to - from > SHORT) into.set(octets.subarray(from, to), length);
    else for (let at = from; at < to; at++) into[length + at - from] = octets[at] ?? 0;
    length += to - from;
  };
  return {
    slice(from, to) {
      if (to === from) return;
      const into = target();
      if (into === undefined) slices.push(chunk.subarray(from, to));
      else copyTo(into, chunk, from, to);
    },
    insert(octets) {
      const into = target();
      if (into === undefined) slices.push(octets);
      else copyTo(into, octets, 0, octets.length);
    },
    slices: () => (copy === undefined ? slices : [...slices, copy.subarray(0, length)]),
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
        kept.slice(from, at);
        kept.insert(A_DOT);
        from = at;
      }
      kept.slice(from, chunk.length);
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
