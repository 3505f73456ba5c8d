// Slows down who guesses passwords: after a few wrong ones an address waits before each further one is looked at.
// The wait belongs to the address, so that a new connection escapes nothing.

import type { Clock, Monotonic } from '../system/clock.ts';

// Wrong ones that cost nothing: a device that is being set up.
const FREE = 3;
// Then a second, doubled with each, up to this many ms: a device that has the right one by now still gets through.
const LONGEST_WAIT = 10_000;
// Forgotten after so many ms without another.
const MEMORY = 15 * 60_000;
// Addresses that are remembered; beyond it the one that was wrong longest ago is forgotten.
const MOST = 1_024;

type Failures = { readonly count: number; readonly last: Monotonic; readonly opensAt: Monotonic };

export class LoginGuard {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #failures = new Map<string, Failures>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** How long the address has to wait before its next password is looked at, in ms. */
  waitOf(address: string): number {
    return Math.max(0, (this.#recent(address)?.opensAt ?? 0) - this.#clock.now());
  }

  wrong(address: string): void {
    const now = this.#clock.now();
    const count = (this.#recent(address)?.count ?? 0) + 1;
    const wait = count < FREE ? 0 : Math.min(LONGEST_WAIT, 1000 * 2 ** (count - FREE));
    this.#failures.delete(address); // the latest stands last
    if (this.#failures.size >= MOST) for (const oldest of [...this.#failures.keys()].slice(0, 1)) this.#failures.delete(oldest);
    this.#failures.set(address, { count, last: now, opensAt: (now + wait) as Monotonic });
  }

  right(address: string): void {
    this.#failures.delete(address);
  }

  #recent(address: string): Failures | undefined {
    const known = this.#failures.get(address);
    return known !== undefined && this.#clock.now() - known.last < MEMORY ? known : undefined;
  }
}
