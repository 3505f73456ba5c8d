// A message that waits in the spool: as the spool gives it to delivery, and as commands show it.

import type { Monotonic } from '../system/clock.ts';
import type { QueueId } from './queue-id.ts';

/** The device of the relay's own messages, for fairness and for people; no device has such an address. */
export const OWN_DEVICE = 'gatepost';

/** What has happened to a message so far. */
export type Progress = {
  /** How many attempts ended in a temporary failure. */
  readonly attempts: number;
  /** Whether its sender was notified of the delay. */
  readonly warned: boolean;
};

/** A message as delivery knows it, without addresses and content. */
export type QueuedMessage = Progress & {
  readonly id: QueueId;
  readonly octets: number;
  /** The address that it came from, or OWN_DEVICE. */
  readonly device: string;
  /** When it came, on the clock of this run; it may lie before the start. */
  readonly arrived: Monotonic;
};

/** A message and what it is waiting for. */
export type WaitingMessage = {
  readonly id: QueueId;
  readonly octets: number;
  readonly device: string;
  readonly ageSeconds: number;
  readonly attempts: number;
  readonly state: 'sending' | 'due' | 'deferred';
  readonly retryInSeconds?: number;
  /** How the last attempt ended, in one line. */
  readonly problem?: string;
};

/** The same with its addresses. */
export type ListedMessage = WaitingMessage & {
  readonly from: string;
  /** The recipients that still wait. */
  readonly to: readonly string[];
};

/** The same with its header section. */
export type ShownMessage = ListedMessage & { readonly header: string };

/** What became of a request to drop a message. */
export type Dropped = { readonly id: QueueId; readonly result: 'dropped' | 'sending' | 'unknown' };
