// What the relay writes to its flash, counted: octets and syncs, today and since the spool was made. Days
// are days of running time, since the board's date can't be trusted.

import type { FlashCount, FlashFacts } from '../vocabulary/spool-status.ts';

const DAY = 86_400_000;

export interface FlashMeter {
  wrote(octets: number): void;
  synced(): void;
  facts(): FlashFacts;
}

const NOTHING: FlashCount = { octets: 0, syncs: 0 };

/** Counts on from `before`; `running` is the relay's running time in ms. */
export function createFlashMeter(before: FlashFacts | undefined, running: () => number): FlashMeter {
  let { total, today, day } = before ?? { total: NOTHING, today: NOTHING, day: 0 };
  const add = (octets: number, syncs: number) => {
    const now = Math.floor(running() / DAY);
    if (now !== day) today = NOTHING;
    day = now;
    total = { octets: total.octets + octets, syncs: total.syncs + syncs };
    today = { octets: today.octets + octets, syncs: today.syncs + syncs };
  };
  return {
    wrote: (octets) => add(octets, 0),
    synced: () => add(0, 1),
    facts() {
      add(0, 0);
      return { total, today, day };
    },
  };
}

// Cheap cards bear some 500 writes of each cell; what the file system and the card's controller add to
// our octets is taken for as much again.
const CYCLES = 500;
const AMPLIFICATION = 2;

/** How many years a card of `capacity` octets lasts at the rate of `total` octets in `running` ms; undefined when there is too little to go by. */
export function yearsLeft(total: number, running: number, capacity: number): number | undefined {
  if (running < DAY / 24 || total === 0) return undefined;
  const perYear = (total * AMPLIFICATION * 365 * DAY) / running;
  return (capacity * CYCLES) / perYear;
}
