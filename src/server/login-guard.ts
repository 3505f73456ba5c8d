// Slows down whoever guesses passwords: after a few wrong ones an address has to wait before each further one is
// checked. The wait belongs to the address, so that a new connection does not escape it.

import { type Clock, later, type Monotonic } from '../system/clock.ts';
import { LIMITS } from './limits.ts';

type Failures = { readonly count: number; readonly last: Monotonic; readonly opensAt: Monotonic };

/** Remembers wrong passwords by address. */
export class LoginGuard {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #failures = new Map<string, Failures>(); // the address that failed last stands last

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** How long the address has to wait before its next password is checked, in ms. */
  waitOf(address: string): number {
    return Math.max(0, (this.#recent(address)?.opensAt ?? 0) - this.#clock.now());
  }

  /** Counts a wrong password of the address. */
  wrong(address: string): void {
    const now = this.#clock.now();
    const count = (this.#recent(address)?.count ?? 0) + 1;
    const wait = count < LIMITS.freeLogins ? 0 : Math.min(LIMITS.longestLoginDelay, LIMITS.loginDelay * 2 ** (count - LIMITS.freeLogins));
    this.#failures.delete(address);
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined && this.#failures.size >= LIMITS.guessingAddresses) this.#failures.delete(oldest);
    this.#failures.set(address, { count, last: now, opensAt: later(now, wait) });
  }

  /** Forgets the address's wrong passwords: it has logged in. */
  right(address: string): void {
    this.#failures.delete(address);
  }

  #recent(address: string): Failures | undefined {
    const known = this.#failures.get(address);
    return known !== undefined && this.#clock.now() - known.last < LIMITS.loginMemory ? known : undefined;
  }
}
