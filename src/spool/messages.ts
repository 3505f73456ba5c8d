// The index: which messages live, and where their frames lie. In memory only; recovery makes it anew.

import type { Envelope } from '../smtp/envelope.ts';
import type { WallTime } from '../system/clock.ts';
import type { Place } from './segment.ts';

export type Entry = {
  readonly number: number;
  /** Body frames in order. */
  readonly chunks: Place[];
  /** Absent while the message is a draft. */
  commit?: Place;
  outcome?: Place;
  octets: number;
  readonly device: string;
  /** The relay's running time at arrival, in ms. */
  arrived: number;
  /** Transactions that ended in a deferral, and which recipients (by place in the envelope) are settled. */
  attempts: number;
  /** Whether the sender was told of the delay. */
  warned: boolean;
  settled: readonly number[];
  /** How many outcome frames were written: the highest holds. */
  outcomes: number;
};

/** Payload of a commit frame, as JSON. */
export type CommitRecord = { readonly envelope: Envelope; readonly device: string; readonly received: WallTime; readonly running: number };

/** Payload of an outcome frame, as JSON. `running` is the running time when it was written; older releases did not note it. */
export type OutcomeRecord = {
  readonly attempts: number;
  readonly settled: readonly number[];
  readonly warned?: boolean;
  readonly running?: number;
};

/** How many of the entries are messages; the others are drafts. */
export function countMessages(entries: ReadonlyMap<number, Entry>): number {
  let count = 0;
  for (const entry of entries.values()) if (entry.commit !== undefined) count += 1;
  return count;
}

/** All places of an entry. */
export function placesOf(entry: Entry): Place[] {
  return [...entry.chunks, ...(entry.commit === undefined ? [] : [entry.commit]), ...(entry.outcome === undefined ? [] : [entry.outcome])];
}

/** Counts the entry's frames as live in their segments, or no longer. */
export function countLive(places: readonly Place[], sign: 1 | -1): void {
  for (const place of places) place.segment.live += sign * place.size;
}
