// How often something may happen: a token bucket.

import type { Monotonic } from '../system/clock.ts';
import { later } from '../system/clock.ts';

/** At most `count` in `per` ms. */
export type Rate = { readonly count: number; readonly per: number };

/** Holds `count` tokens, is full at first, and fills evenly in `per` ms. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: Monotonic;

  /** A full bucket. */
  constructor(rate: Rate, now: Monotonic) {
    this.#rate = rate;
    this.#tokens = rate.count;
    this.#filledAt = now;
  }

  /** Takes a token if there is one besides the `reserve`; returns whether there was. */
  take(now: Monotonic, reserve = 0): boolean {
    this.#fill(now);
    if (this.#tokens < 1 + reserve) return false;
    this.#tokens -= 1;
    return true;
  }

  /** The earliest time at which there is a token, `now` or later. */
  opensAt(now: Monotonic): Monotonic {
    this.#fill(now);
    const { count, per } = this.#rate;
    return this.#tokens >= 1 ? now : later(now, Math.ceil(((1 - this.#tokens) * per) / count));
  }

  #fill(now: Monotonic): void {
    const { count, per } = this.#rate;
    this.#tokens = Math.min(count, this.#tokens + ((now - this.#filledAt) * count) / per);
    this.#filledAt = now;
  }
}
