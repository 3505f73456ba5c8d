// How fast messages may go to one upstream: at most the configured rate, and slower than that for a while
// when the provider has asked for less. No time of its own.

import { later, type Monotonic } from '../system/clock.ts';
import { type Rate, TokenBucket } from '../vocabulary/rate.ts';

// The gap between two messages, in ms, once a provider has asked for less: it begins here, doubles with each further
// time up to the maximum. A message that goes through shortens it at once to so little that a queue drains within two
// minutes, and the next ones halve that until it is too short to matter.
const FIRST_GAP = 15_000;
const LONGEST_GAP = 15 * 60_000;
// Where nothing but structure says that it is about the upstream: another recipient may have to wait so long in vain.
const LONGEST_GAP_IF_UNKNOWN = 120_000;
const GAP_AFTER_SUCCESS = 4_000;
const SHORTEST_GAP = 1_000;

/** When the next message may go to one upstream. */
export class Pace {
  readonly #bucket: TokenBucket | undefined;
  #gap = 0;
  #slowedAt: Monotonic;
  #gapEnds: Monotonic;

  /** `rate`: undefined for as fast as can be. */
  constructor(rate: Rate | undefined, now: Monotonic) {
    this.#bucket = rate === undefined ? undefined : new TokenBucket(rate, now);
    this.#slowedAt = now;
    this.#gapEnds = now;
  }

  /** When the next message may go; in the past, or now, when it may at once. */
  opensAt(now: Monotonic): Monotonic {
    return Math.max(this.#gapEnds, this.#bucket?.opensAt(now) ?? now) as Monotonic;
  }

  /** A message goes now. */
  start(now: Monotonic): void {
    this.#bucket?.take(now);
    if (this.#gap > 0) this.#gapEnds = later(now, this.#gap);
  }

  /**
   * The provider wants less; `perhaps`: so it seems; `least`: as little as can be, since what it allows is used up for
   * hours.
   */
  slowDown(now: Monotonic, how: 'perhaps' | 'less' | 'least'): void {
    // Of several messages that were under way together, the first has slowed it down.
    const isFirst = this.#gap === 0 || now >= later(this.#slowedAt, this.#gap);
    if (!isFirst && (how !== 'least' || this.#gap === LONGEST_GAP)) return;
    this.#slowedAt = now;
    const longest = Math.max(this.#gap, how === 'perhaps' ? LONGEST_GAP_IF_UNKNOWN : LONGEST_GAP);
    this.#gap = how === 'least' ? LONGEST_GAP : Math.min(longest, Math.max(FIRST_GAP, this.#gap * 2));
    this.#gapEnds = later(now, this.#gap);
  }

  /** A message has gone through. */
  speedUp(now: Monotonic): void {
    if (this.#gap === 0) return;
    const gap = Math.min(GAP_AFTER_SUCCESS, this.#gap / 2);
    this.#gap = gap < SHORTEST_GAP ? 0 : gap;
    // The gap that was in force before holds no longer.
    this.#gapEnds = Math.min(this.#gapEnds, later(now, this.#gap)) as Monotonic;
  }

  /** Whether the provider has asked for less, and not enough has gone through since. */
  get isSlowed(): boolean {
    return this.#gap > 0;
  }
}
