// Mail data on its way in (RFC 5321, sections 4.5.2 and 2.3.8): the end of data is found, stuffed dots go, and line
// ends are repaired as line-ends.ts has it.
//
// Only <CRLF>.<CRLF> ends a message. A bare CR or LF is repaired into CRLF in what is kept, but has no meaning for
// where the message ends: SMTP smuggling needs two servers that differ in that. The exceptions are sessions whose very
// first command ended otherwise, since such a device can't end a message in another way: with a bare LF (there a line
// ends with LF, a CR before it optional), or with CR CR LF (there a line ends with CR LF, a second CR before it
// optional). The dot rule follows.
//
// No copies of ordinary text: what comes out are slices of what came in, and constants. Only a chunk that would
// fall into many slices is copied. At most two octets are held back between chunks.

import { CRLF, Keeper } from './keeper.ts';
import { CR, LF, LineEndFinder } from './line-ends.ts';

const DOT = 0x2e;

/** How lines end in this session: `lf` also takes a bare LF, `crcrlf` also takes CR CR LF after a lone dot. */
export type LineEnding = 'crlf' | 'lf' | 'crcrlf';

/** What became of a chunk. */
type Decoded = {
  /** What is kept of the chunk, in order, dots un-stuffed and line ends repaired; a few slices, whatever is in it. */
  readonly body: readonly Uint8Array[];
  /** What followed the end of data; present only once that was seen. May be empty. */
  readonly rest?: Uint8Array;
};

// Where the decoder stands. CRs and a leading dot are held back, for what follows decides on them.
//   start  at the start of a line: after CRLF, or of the data    dot    after a dot that began a line
//   text   inside a line                                         dotCr  after such a dot and a CR
//   cr     after a CR inside a line                              dotCrCr  after such a dot and two CRs (`crcrlf` only)
//   crCr   after two of them
type State = 'start' | 'text' | 'cr' | 'crCr' | 'dot' | 'dotCr' | 'dotCrCr';

/** A decoder of one message's DATA. What comes out is the same wherever the chunks' borders lie. */
export class DataDecoder {
  readonly #lineEnding: LineEnding;
  #state: State = 'start';

  constructor(lineEnding: LineEnding) {
    this.#lineEnding = lineEnding;
  }

  /** Takes the next octets from the wire. To be called until `rest` is there, and not after that. */
  decode(chunk: Uint8Array): Decoded {
    const kept = new Keeper(chunk);
    const lineEnds = new LineEndFinder(chunk);
    for (let at = 0; at < chunk.length; ) {
      const octet = chunk[at];
      switch (this.#state) {
        case 'start':
          // A dot that begins a line is never kept (RFC 5321, section 4.5.2).
          if (octet === DOT) at += 1;
          this.#state = octet === DOT ? 'dot' : 'text';
          break;
        case 'dot':
          if (octet === LF && this.#lineEnding === 'lf') return { body: kept.slices(), rest: chunk.subarray(at + 1) };
          if (octet === CR) at += 1;
          this.#state = octet === CR ? 'dotCr' : 'text';
          break;
        case 'dotCr':
          if (octet === LF) return { body: kept.slices(), rest: chunk.subarray(at + 1) };
          if (octet === CR && this.#lineEnding === 'crcrlf') {
            at += 1;
            this.#state = 'dotCrCr';
          } else this.#state = 'cr'; // ".<CR>x": the dot was stuffing, the CR is one inside a line
          break;
        case 'dotCrCr':
          if (octet === LF) return { body: kept.slices(), rest: chunk.subarray(at + 1) };
          this.#state = 'crCr'; // the same with two CRs
          break;
        case 'text':
          at = this.#insideLine(octet, at, kept, lineEnds);
          break;
        case 'cr':
        case 'crCr':
          at = this.#afterCr(octet, at, kept);
          break;
      }
    }
    return { body: kept.slices() };
  }

  /** Takes the octet at `at`, and those that follow it on the line; where it stopped. */
  #insideLine(octet: number | undefined, at: number, kept: Keeper, lineEnds: LineEndFinder): number {
    if (octet === CR) {
      this.#state = 'cr';
      return at + 1;
    }
    if (octet === LF) {
      // A bare LF, repaired. A dot after it is just a dot, unless this session's lines end so.
      kept.insert(CRLF);
      if (this.#lineEnding === 'lf') this.#state = 'start';
      return at + 1;
    }
    const end = lineEnds.next(at);
    kept.keep(at, end);
    return end;
  }

  /** Decides on one or two CRs that are held back; where to go on. */
  #afterCr(octet: number | undefined, at: number, kept: Keeper): number {
    if (octet === LF) {
      kept.keepLineEnd(at);
      this.#state = 'start';
      return at + 1;
    }
    const isOne = this.#state === 'cr';
    if (isOne && octet === CR) {
      this.#state = 'crCr';
      return at + 1;
    }
    kept.insert(CRLF); // the first CR, or the only one, is bare
    if (octet === CR) return at + 1;
    this.#state = isOne ? 'text' : 'cr';
    return at;
  }
}
