// The state of the spool and its flash: for the status, for events, and for the facts that the spool keeps of itself.

import type { QueueId } from './queue-id.ts';

/** What was written to the flash: octets, and how many syncs. */
export type FlashCount = { readonly octets: number; readonly syncs: number };

/**
 * What was written since the spool was made, and today; `day` counts days of running time, since the board's date may
 * be wrong.
 */
export type FlashFacts = { readonly total: FlashCount; readonly today: FlashCount; readonly day: number };

/** Flash that has lost what was synced to it. */
export type SpoolDamage = {
  /** The file or files; `generation n` for one that is not there and whose name is not known. */
  readonly segment: string;
  readonly problem: string;
  /** Acknowledged messages that are certainly gone. */
  readonly lost: readonly QueueId[];
  /** Messages whose commit was not found: they may have been acknowledged, or were still being received. */
  readonly maybeLost: readonly QueueId[];
};

/** What was found at the start. */
export type SpoolRecovery = {
  readonly messages: number;
  /** Messages without a commit; their senders got no 250. */
  readonly unfinished: number;
  /** Pages that were being written when the power was cut. */
  readonly torn: number;
  readonly milliseconds: number;
};

/** A snapshot of the spool. */
export type SpoolStatus = {
  readonly messages: number;
  /** Octets that messages and drafts hold. */
  readonly held: number;
  /** Octets that they may hold at most. */
  readonly capacity: number;
  readonly segments: number;
  /** What recovery found damaged at this start, and what went missing since. */
  readonly damage: readonly SpoolDamage[];
};
