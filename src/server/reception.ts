// The message that a session is receiving, by DATA or in chunks (RFC 3030): one at a time, from the wire through the
// transfer into the store. It knows no commands; what becomes of the session follows from the results in protocol.ts.

import type { LineEnding } from '../smtp/data-decoder.ts';
import type { Clock } from '../system/clock.ts';
import type { Wire } from '../system/wire.ts';
import type { Rewriting } from '../vocabulary/rewriting.ts';
import { ChunkedText, NOWHERE, type Sink, Transfer, type WrongEnd } from './data.ts';
import { Intake } from './intake.ts';
import type { Result, Task } from './protocol.ts';
import type { Incoming } from './session-state.ts';
import type { SizeLimit } from './size-limit.ts';
import type { MessageStore } from './store.ts';

/** What does not change during a session. */
type ReceptionParts = {
  /** The address of the device. */
  readonly device: string;
  /** The name of this relay. */
  readonly hostname: string;
  readonly store: Pick<MessageStore, 'instance' | 'draft'>;
  readonly sizeLimit: Pick<SizeLimit, 'octets' | 'exceeded'>;
  readonly rewriting: Rewriting;
  readonly clock: Clock;
};

/** `text`: absent for BINARYMIME, whose octets are stored as they come. */
type Chunked = { readonly intake: Intake; readonly text: ChunkedText | undefined };

/** Receives the messages of one session, one after the other. */
export class Reception {
  readonly #parts: ReceptionParts;
  #data: { readonly intake: Intake; readonly transfer: Transfer } | undefined;
  #chunked: Chunked | undefined;

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
  }

  /** Whether a message is coming by DATA. */
  get isData(): boolean {
    return this.#data !== undefined;
  }

  /** Octets that have come of the message: of DATA as sent, of chunks without BDAT's commands. */
  get octets(): number {
    return this.#data?.transfer.octets ?? this.#chunked?.intake.octets ?? 0;
  }

  /** Which line ends are around the dot that DATA stopped at, if the device may have taken it for the message's end. */
  get wrongEnd(): WrongEnd | undefined {
    return this.#data?.transfer.wrongEnd;
  }

  /** Receives a whole message. Rejects with ConnectionLost when it does not come to its end; `abandon` follows then. */
  async data(wire: Wire, incoming: Incoming, lineEnding: LineEnding): Promise<Result> {
    const intake = this.#begin(incoming);
    const transfer = this.#transfer(wire);
    this.#data = { intake, transfer };
    await transfer.data(intake, lineEnding);
    return this.#finish(intake, incoming);
  }

  /** Receives one chunk; the first begins the message. Rejects as `data` does. */
  async chunk(wire: Wire, { incoming, octets, isLast }: Extract<Task, { act: 'chunk' }>): Promise<Result> {
    this.#chunked ??= this.#beginChunked(incoming);
    const { intake, text } = this.#chunked;
    const sink: Sink = text ?? intake;
    await this.#transfer(wire).chunk(octets, intake.octets, sink);
    if (isLast) {
      await text?.end();
      return this.#finish(intake, incoming);
    }
    if (intake.refusal !== undefined) return { result: 'message-refused', refusal: intake.refusal };
    return { result: 'chunk-taken', octets };
  }

  /** Reads the octets of a chunk that was refused. Rejects as `data` does. */
  discard(wire: Wire, octets: number): Promise<void> {
    return this.#transfer(wire).chunk(octets, 0, NOWHERE);
  }

  /** Gives up a message that has not ended, and forgets one that has. */
  abandon(): void {
    this.#data?.intake.abandon();
    this.#chunked?.intake.abandon();
    this.#data = undefined;
    this.#chunked = undefined;
  }

  #transfer(wire: Wire): Transfer {
    return new Transfer({ wire, clock: this.#parts.clock, sizeLimit: this.#parts.sizeLimit.octets });
  }

  #begin({ envelope, hello, declared, protocol }: Incoming): Intake {
    const { device, hostname, store, sizeLimit, rewriting, clock } = this.#parts;
    const origin = { hello: hello.name, address: device, protocol, hostname, time: clock.wall() };
    return new Intake({ store, sizeLimit, envelope, declared, origin, rewriting });
  }

  #beginChunked(incoming: Incoming): Chunked {
    const intake = this.#begin(incoming);
    const isBinary = incoming.envelope.parameters.body === 'BINARYMIME';
    return { intake, text: isBinary ? undefined : new ChunkedText(intake) };
  }

  async #finish(intake: Intake, { hello }: Incoming): Promise<Result> {
    const refusal = await intake.finish();
    if (refusal !== undefined) return { result: 'message-refused', refusal };
    const { id, octets, envelope } = intake;
    return { result: 'stored', message: { id, device: this.#parts.device, hello: hello.name, octets, envelope } };
  }
}
