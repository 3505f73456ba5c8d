// What can be said of the spool and its flash: in the status, in events, and in the facts that the spool keeps.

import type { QueueId } from './queue-id.ts';

/** Written to the flash: octets, and syncs. */
export type FlashCount = { readonly octets: number; readonly syncs: number };

/** Since the spool was made, and today; `day` counts days of running time, since the board's date can't be trusted. */
export type FlashFacts = { readonly total: FlashCount; readonly today: FlashCount; readonly day: number };

/** Flash that has lost what was synced to it. */
export type SpoolDamage = {
  /** The file or files; `generation n` for one that is not there and whose name is not known. */
  readonly segment: string;
  readonly problem: string;
  /** Acknowledged messages that are certainly gone. */
  readonly lost: readonly QueueId[];
  /** Messages without a commit: they may have been acknowledged, or may have been drafts. */
  readonly maybeLost: readonly QueueId[];
};

/** What a start has found. */
export type SpoolRecovery = {
  readonly messages: number;
  /** Messages without a commit: their senders never got a 250. */
  readonly unfinished: number;
  /** Pages that were being written when the power went. */
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
  /** What recovery found damaged at this start. */
  readonly damage: readonly SpoolDamage[];
};
