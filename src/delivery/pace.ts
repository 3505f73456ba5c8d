// How fast messages may go to one upstream: at most the configured rate, and slower than that for a while
// when the provider has said "too much". No time of its own.

import { later, type Monotonic } from '../system/clock.ts';

/** At most `count` messages in `per` ms. */
export type Rate = { readonly count: number; readonly per: number };

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
  const perToken = rate === undefined ? 0 : rate.per / rate.count;
  // A bucket: full at first, one message takes one, and it fills again over `per`.
  let tokens = rate?.count ?? 0;
  let filledAt = startedAt;
  let gap = 0;
  let saidAt = startedAt;
  let gapEnds = startedAt;

  const fill = (now: Monotonic) => {
    if (rate === undefined) return;
    tokens = Math.min(rate.count, tokens + (now - filledAt) / perToken);
    filledAt = now;
  };

  return {
    opensAt(now) {
      fill(now);
      const tokenAt = rate === undefined || tokens >= 1 ? now : later(now, Math.ceil((1 - tokens) * perToken));
      return Math.max(gapEnds, tokenAt) as Monotonic;
    },
    start(now) {
      fill(now);
      tokens -= 1;
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
