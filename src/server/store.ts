// What the server needs of a spool, as types.

import type { Envelope } from '../smtp/envelope.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';

export interface MessageStore {
  /** Tells this relay's spool from all others; stands in trace fields. */
  readonly instance: string;
  /** Octets a device may send at most, right now (design: the smallest of our maximum, the upstreams' SIZE and the spool). */
  readonly sizeLimit: number;
  /** A device wanted to send so much, which is more than the limit: perhaps the limit is an old one. */
  tooLarge(octets: number): void;
  room(octets: number): 'yes' | 'not-now' | 'never';
  draft(declared: number, device: string): Draft;
}

export interface Draft {
  readonly id: QueueId;
  write(slice: Uint8Array): Promise<'taken' | 'full' | 'failed'>;
  commit(envelope: Envelope): Promise<'stored' | 'full' | 'failed'>;
  abandon(): void;
}
