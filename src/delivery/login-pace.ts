// When the next password may be sent to one upstream. Providers lock an account after some passwords that came to
// nothing, whatever they say to them; each is therefore further away than the one before.

import { later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import type { Range } from './backoff.ts';

/** `unanswered`: a password was sent, and nothing was said of it. `refused`: it was judged wrong. */
export type LoginFailure = 'unanswered' | 'refused';

const WAITS: Readonly<Record<LoginFailure, Range>> = {
  unanswered: { min: 15_000, max: 15 * 60_000 },
  refused: { min: 15 * 60_000, max: 4 * 3_600_000 },
};
// Part of the wait that is added by chance.
const JITTER = 0.05;

/** The waits between logins. */
export class LoginPace {
  readonly #random: Random;
  #failures = 0;
  #hasWorked = false;
  #opensAt: Monotonic | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** When the next password may be sent; undefined for at once. */
  get opensAt(): Monotonic | undefined {
    return this.#opensAt;
  }

  /** A login came to nothing. After one that has worked, the first is put down to the server, and costs no wait. */
  failed(how: LoginFailure, now: Monotonic): void {
    if (this.#hasWorked) {
      this.#hasWorked = false;
      return;
    }
    const { min, max } = WAITS[how];
    const wait = Math.min(max, min * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    this.#opensAt = later(now, Math.round(wait * (1 + JITTER * this.#random.fraction())));
  }

  /** A login was taken, or none is needed. */
  worked(): void {
    this.#hasWorked = true;
    this.#failures = 0;
    this.#opensAt = undefined;
  }
}
