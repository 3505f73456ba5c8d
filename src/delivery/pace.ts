// How fast messages may go to one upstream: at most the configured rate, and slower than that for a while
// when the provider has said "too much". No time of its own.

import { later, type Monotonic } from '../system/clock.ts';
import { type Rate, TokenBucket } from '../vocabulary/rate.ts';

// What a provider's "slower" does to the gap between two messages, in ms: it begins here, doubles with each
// further one up to the maximum, and halves with each message that goes through until it is not worth having.
const FIRST_GAP = 15_000;
const LONGEST_GAP = 15 * 60_000;
const SHORTEST_GAP = 1_000;

export interface Pace {
  /** When the next message may go. */
  opensAt(now: Monotonic): Monotonic;
  /** A message goes now. */
  start(now: Monotonic): void;
  /** The provider wants less. */
  slowDown(now: Monotonic): void;
  /** A message has gone through. */
  speedUp(): void;
  readonly isSlowed: boolean;
}

export function createPace(rate: Rate | undefined, startedAt: Monotonic): Pace {
  const bucket = rate === undefined ? undefined : new TokenBucket(rate, startedAt);
  let gap = 0;
  let saidAt = startedAt;
  let gapEnds = startedAt;

  return {
    opensAt(now) {
      return Math.max(gapEnds, bucket?.opensAt(now) ?? now) as Monotonic;
    },
    start(now) {
      bucket?.take(now);
      if (gap > 0) gapEnds = later(now, gap);
    },
    slowDown(now) {
      // Of several messages that were under way together, the first has said it.
      if (gap > 0 && now < later(saidAt, gap)) return;
      saidAt = now;
      gap = gap === 0 ? FIRST_GAP : Math.min(LONGEST_GAP, gap * 2);
      gapEnds = later(now, gap);
    },
    speedUp() {
      gap = gap / 2 < SHORTEST_GAP ? 0 : gap / 2;
    },
    get isSlowed() {
      return gap > 0;
    },
  };
}
