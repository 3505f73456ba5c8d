// What the relay writes to its flash: octets and syncs, today and since the spool was made, and how long a card lasts
// at that rate. Days are days of running time, since the board's date can't be trusted.

import type { FlashCount, FlashFacts } from '../vocabulary/spool-status.ts';

const DAY = 86_400_000;

const NOTHING: FlashCount = { octets: 0, syncs: 0 };

/** Counts octets and syncs. */
export class FlashMeter {
  #total = NOTHING;
  #today = NOTHING;
  #day = 0;
  #running: () => number = () => 0;

  /**
   * Counts on from what earlier runs have counted; `running` gives the running time in ms. Whatever was counted
   * before is dropped.
   */
  resume(before: FlashFacts | undefined, running: () => number): void {
    this.#total = before?.total ?? NOTHING;
    this.#today = before?.today ?? NOTHING;
    this.#day = before?.day ?? 0;
    this.#running = running;
  }

  /** Counts octets that were written. */
  wrote(octets: number): void {
    this.#add({ octets, syncs: 0 });
  }

  /** Counts a sync. */
  synced(): void {
    this.#add({ octets: 0, syncs: 1 });
  }

  /** The counts as of now. */
  facts(): FlashFacts {
    this.#add(NOTHING);
    return { total: this.#total, today: this.#today, day: this.#day };
  }

  #add(more: FlashCount): void {
    const now = Math.floor(this.#running() / DAY);
    if (now !== this.#day) this.#today = NOTHING;
    this.#day = now;
    this.#total = sum(this.#total, more);
    this.#today = sum(this.#today, more);
  }
}

const sum = (one: FlashCount, other: FlashCount): FlashCount => ({
  octets: one.octets + other.octets,
  syncs: one.syncs + other.syncs,
});

// Cheap cards bear some 500 writes of each cell. What the file system and the card's controller write in addition is
// assumed to be as much again as our octets.
const CYCLES = 500;
const AMPLIFICATION = 2;

/**
 * How many years a card of `capacity` octets lasts at the rate of `total` octets in `running` ms; undefined within
 * the first hour, or when nothing was written.
 */
export function yearsLeft(total: number, running: number, capacity: number): number | undefined {
  if (running < DAY / 24 || total === 0) return undefined;
  const perYear = (total * AMPLIFICATION * 365 * DAY) / running;
  return (capacity * CYCLES) / perYear;
}
