// What delivery needs of the spool and of an upstream, as types. The scheduler sees no address.

import type { Envelope, Recipient } from '../smtp/envelope.ts';
import type { Attempt } from '../vocabulary/attempt.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { Progress } from '../vocabulary/queued-message.ts';
import type { SenderRoute } from '../vocabulary/sender-route.ts';

/** The messages that wait, on the flash. */
export interface Queue {
  /**
   * The envelope with those recipients only that still wait. Rejects when the message is not here, or can't be read.
   */
  envelope(id: QueueId): Promise<Envelope>;
  /** The message's octets from the first, however often it is asked for. Throws when they can't be read. */
  body(id: QueueId): AsyncIterable<Uint8Array>;
  /**
   * Notes that these recipients wait no more, and how often the message was tried. Resolves before that is on the
   * flash: after a power cut, recipients that have the message may get it again. Rejects when the message is not here.
   */
  record(id: QueueId, settled: readonly Recipient[], progress: Progress): Promise<void>;
  /** No recipient waits any more. */
  remove(id: QueueId): void;
  /**
   * Takes in a message of the relay's own; its id once it is on the flash, or why it is not. Rejects when `body`
   * throws.
   */
  submit(envelope: Envelope, body: AsyncIterable<Uint8Array>): Promise<QueueId | 'full' | 'failed'>;
}

/** An upstream. */
export interface Carrier extends SenderRoute {
  /** For the log and for people. */
  readonly name: string;
  /**
   * Tries once to hand the message over; `octets`: of the body, which is read from its beginning at each call. Rejects
   * only when `body` does; `stop` cuts it short.
   */
  send(
    message: { readonly envelope: Envelope; readonly octets: number; readonly body: () => AsyncIterable<Uint8Array> },
    stop: AbortSignal,
  ): Promise<Attempt>;
}
