// What the server needs of a spool, as types. The spool satisfies them without naming them.

import type { Envelope } from '../smtp/envelope.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';

/** Where accepted messages go. */
export interface MessageStore {
  /** Tells this relay's spool from all others; stands in trace fields, by which a loop is recognised. */
  readonly instance: string;
  /**
   * Whether a message of so many octets (0 for an unknown number) could be stored: now, once others have left, or never
   * because it is larger than what the store may hold. Reserves nothing.
   */
  room(octets: number): 'yes' | 'not-now' | 'never';
  /**
   * Begins a message from the address `device`, of which MAIL declared so many octets (0 for nothing). Each draft must
   * be committed or abandoned.
   */
  draft(declared: number, device: string): Draft;
}

/** One message on its way into the store. Nothing of it can be seen, or survives a restart, before it is committed. */
export interface Draft {
  /** The queue id that the message has from the beginning, since its trace field names it. */
  readonly id: QueueId;
  /**
   * Appends octets; `slice` must not be changed afterwards. Resolves when the next may come, which may take long with a
   * slow flash: callers wait for it, so that the device is slowed down. `full`: there is no room for them; `failed`:
   * the flash could not be written. After either the draft can only be abandoned.
   */
  write(slice: Uint8Array): Promise<'taken' | 'full' | 'failed'>;
  /**
   * Stores what was written with its envelope. Resolves with `stored` only when both are on the flash and survive a
   * loss of power; with `full` or `failed` nothing is kept, and the draft is over in each case.
   */
  commit(envelope: Envelope): Promise<'stored' | 'full' | 'failed'>;
  /** Gives up the message and its room. Does nothing to a draft that is over. */
  abandon(): void;
}
