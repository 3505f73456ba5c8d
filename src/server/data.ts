// Octets of a message from the wire: DATA until its end (RFC 5321, section 4.1.1.4), a chunk of BDAT by its length
// (RFC 3030). A sender that is very slow, or that never ends, is cut off.

import { DataDecoder, type LineEnding } from '../smtp/data-decoder.ts';
import { LineEndRepair } from '../smtp/line-ends.ts';
import type { Clock, Monotonic } from '../system/clock.ts';
import { ConnectionLost, type Wire } from '../system/wire.ts';
import { LIMITS, mostRead } from './limits.ts';

/** Where the octets of a message go. */
export type Sink = {
  /** Takes octets; resolves when the next may come. */
  write(slice: Uint8Array): Promise<void>;
};

/** Line ends beside which a lone dot is text, but for sessions that began with them. */
export type WrongEnd = Exclude<LineEnding, 'crlf'>;

/** What a transfer reads from, and its bounds. */
type TransferParts = {
  readonly wire: Wire;
  readonly clock: Pick<Clock, 'now'>;
  /** Octets that a message may have; `mostRead` follows from it. */
  readonly sizeLimit: number;
};

// Long enough for what `wrongEnd` looks for.
const LONGEST_TAIL = 5;

/** One DATA, or one chunk; its methods reject with ConnectionLost when it can't come to its end. */
export class Transfer {
  readonly #wire: Wire;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #started: Monotonic;
  readonly #mostRead: number;
  #octets = 0;
  #tail = Buffer.alloc(0);

  constructor({ wire, clock, sizeLimit }: TransferParts) {
    this.#wire = wire;
    this.#clock = clock;
    this.#started = clock.now();
    this.#mostRead = mostRead(sizeLimit);
  }

  /** Octets that came so far. */
  get octets(): number {
    return this.#octets;
  }

  /**
   * Whether the last octets are a dot between line ends that do not end a message (RFC 5321, section 4.1.1.4), and
   * which line ends these are.
   */
  get wrongEnd(): WrongEnd | undefined {
    const tail = this.#tail.toString('latin1');
    if (/(?:^|\n)\.\r\r\n$/.test(tail)) return 'crcrlf';
    return /(?:^|[^\r])\n\.\r?\n$|\r\n\.\n$/.test(tail) ? 'lf' : undefined;
  }

  /**
   * Reads DATA to its end and writes it to `sink`, un-stuffed; what follows the end of data is given back to the wire.
   */
  async data(sink: Sink, lineEnding: LineEnding): Promise<void> {
    const decoder = new DataDecoder(lineEnding);
    while (this.#octets <= this.#mostRead) {
      const octets = await this.#wire.some(LIMITS.dataTimeout);
      this.#count(octets);
      const { body, rest } = decoder.decode(octets);
      for (const slice of body) await sink.write(slice);
      if (rest !== undefined) return this.#wire.unread(rest);
    }
    throw new ConnectionLost('too-much', 'the message never ended');
  }

  /**
   * Reads exactly `length` octets and writes them to `sink`. They are read even of a chunk that is refused, since the
   * next command follows them. `before`: octets of the message that came in earlier chunks.
   */
  async chunk(length: number, before: number, sink: Sink): Promise<void> {
    if (before + length > this.#mostRead) throw new ConnectionLost('too-much', 'the chunk is too large to be read');
    while (this.#octets < length) {
      const piece = await this.#wire.some(LIMITS.dataTimeout);
      const left = length - this.#octets;
      if (piece.length > left) this.#wire.unread(piece.subarray(left));
      const ours = piece.subarray(0, left);
      this.#count(ours);
      await sink.write(ours);
    }
  }

  /** Throws when so few octets have come in so much time that the device can't mean well. */
  #count(octets: Uint8Array): void {
    this.#octets += octets.length;
    this.#tail = Buffer.concat([this.#tail, octets.subarray(-LONGEST_TAIL)]).subarray(-LONGEST_TAIL);
    const elapsed = this.#clock.now() - this.#started;
    if (elapsed > LIMITS.slowAfter && this.#octets < (elapsed / 1000) * LIMITS.slowest)
      throw new ConnectionLost('too-slow', 'the message came too slowly');
  }
}

/** Where the octets of a refused chunk go. */
export const NOWHERE: Sink = { write: async () => {} };

/** Repairs the line ends of a text that comes in chunks: a line end may fall between two of them. */
export class ChunkedText implements Sink {
  readonly #repair = new LineEndRepair();
  readonly #sink: Sink;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Passes the octets on, with CRLF line ends only; up to two CRs at their end are held back. */
  async write(slice: Uint8Array): Promise<void> {
    for (const repaired of this.#repair.repair(slice)) await this.#sink.write(repaired);
  }

  /** Passes on what was held back; called once, after the last chunk. */
  async end(): Promise<void> {
    for (const held of this.#repair.end()) await this.#sink.write(held);
  }
}
