// Slows down whoever guesses passwords: after a few wrong ones an address has to wait before each further one is
// checked. The wait belongs to the address, so that a new connection does not escape it, and to the whole /64 of an
// IPv6 address, so that a new address does not either. An address that has logged in is counted by itself, so that a
// neighbour that guesses does not keep it waiting.

import { type Clock, later, type Monotonic } from '../system/clock.ts';
import { networkOf } from '../vocabulary/network.ts';
import { LIMITS } from './limits.ts';

type Failures = { readonly count: number; readonly last: Monotonic; readonly opensAt: Monotonic };

/** Remembers wrong passwords by address. */
export class LoginGuard {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #failures = new Map<string, Failures>(); // the one that failed last stands last
  readonly #trusted = new Set<string>(); // the one that logged in last stands last
  readonly #turns = new Map<string, Promise<void>>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /**
   * Runs `check` when those before it have ended that wait for the same: many connections guess no faster than one.
   * Settles as `check` does.
   */
  async inTurn<T>(address: string, check: () => Promise<T>): Promise<T> {
    const name = this.#nameOf(address);
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(check);
    const ended = turn.then(
      () => {},
      () => {},
    );
    this.#turns.set(name, ended);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(name) === ended) this.#turns.delete(name);
    }
  }

  /** How long the address has to wait before its next password is checked, in ms. */
  waitOf(address: string): number {
    return Math.max(0, (this.#recent(this.#nameOf(address))?.opensAt ?? 0) - this.#clock.now());
  }

  /** Counts a wrong password of the address. */
  wrong(address: string): void {
    const now = this.#clock.now();
    const name = this.#nameOf(address);
    const count = (this.#recent(name)?.count ?? 0) + 1;
    const wait = count < LIMITS.freeLogins ? 0 : Math.min(LIMITS.longestLoginDelay, LIMITS.loginDelay * 2 ** (count - LIMITS.freeLogins));
    this.#failures.delete(name);
    dropOldest(this.#failures);
    this.#failures.set(name, { count, last: now, opensAt: later(now, wait) });
  }

  /** Forgets the address's wrong passwords: it has logged in. */
  right(address: string): void {
    this.#trusted.delete(address);
    dropOldest(this.#trusted);
    this.#trusted.add(address);
    this.#failures.delete(address);
  }

  /** Under which name the address is counted. */
  #nameOf(address: string): string {
    return this.#trusted.has(address) ? address : (networkOf(address) ?? address);
  }

  #recent(name: string): Failures | undefined {
    const known = this.#failures.get(name);
    return known !== undefined && this.#clock.now() - known.last < LIMITS.loginMemory ? known : undefined;
  }
}

/** Makes room for one more. */
function dropOldest(remembered: Map<string, unknown> | Set<string>): void {
  const [oldest] = remembered.keys();
  if (oldest !== undefined && remembered.size >= LIMITS.guessingAddresses) remembered.delete(oldest);
}
