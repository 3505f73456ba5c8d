// What delivery needs of the spool and of an upstream, as types. The scheduler sees no address.

import type { QueueId } from '../events.ts';
import type { Envelope, Recipient } from '../smtp/envelope.ts';
import type { Attempt } from '../smtp/outcome.ts';
import type { Monotonic } from '../system/clock.ts';

export type QueueEntry = {
  readonly id: QueueId;
  readonly octets: number;
  readonly device: string;
  readonly arrived: Monotonic;
  /** Transactions that ended in a deferral. */
  readonly attempts: number;
};

export interface Queue {
  /** The envelope with those recipients only that are still waiting. */
  envelope(id: QueueId): Promise<Envelope>;
  body(id: QueueId): AsyncIterable<Uint8Array>;
  record(id: QueueId, settled: readonly Recipient[], attempts: number): Promise<void>;
  remove(id: QueueId): void;
}

export interface Carrier {
  readonly name: string;
  send(
    message: { readonly envelope: Envelope; readonly octets: number; readonly body: AsyncIterable<Uint8Array> },
    stop: AbortSignal,
  ): Promise<Attempt>;
}
