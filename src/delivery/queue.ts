// What delivery needs of the spool and of an upstream, as types. The scheduler sees no address.

import type { Envelope, Recipient } from '../smtp/envelope.ts';
import type { Attempt } from '../vocabulary/attempt.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { Progress } from '../vocabulary/queued-message.ts';

export interface Queue {
  /** The envelope with those recipients only that are still waiting. */
  envelope(id: QueueId): Promise<Envelope>;
  body(id: QueueId): AsyncIterable<Uint8Array>;
  record(id: QueueId, settled: readonly Recipient[], progress: Progress): Promise<void>;
  remove(id: QueueId): void;
  /** Takes in a message of the relay's own; its id once it is on the flash, or why it is not. */
  submit(envelope: Envelope, body: AsyncIterable<Uint8Array>): Promise<QueueId | 'full' | 'failed'>;
}

export interface Carrier {
  readonly name: string;
  send(
    message: { readonly envelope: Envelope; readonly octets: number; readonly body: AsyncIterable<Uint8Array> },
    stop: AbortSignal,
  ): Promise<Attempt>;
}
