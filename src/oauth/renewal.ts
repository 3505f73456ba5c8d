// The access token of one account: kept in memory, renewed before it expires, once however many wait for it. Its life
// is counted on the monotonic clock, since the board's date may be wrong, and may jump.

import { type Clock, later, type Monotonic } from '../system/clock.ts';
import type { TokenFailure, TokenSource } from '../vocabulary/token-source.ts';
import { TokenFailed } from './failure.ts';

/** A new access token; `lifetime` in ms, undefined where nothing is known of it. */
export type Obtained = { readonly accessToken: string; readonly lifetime: number | undefined };

/** Gets a new access token; rejects with TokenFailed. */
export type Obtain = () => Promise<Obtained>;

// A token of which nothing is known is asked for again after so many ms.
const UNKNOWN_LIFETIME = 10 * 60_000;
// No provider's token lives longer.
const LONGEST_LIFETIME = 24 * 3_600_000;
// A token is renewed so many ms before its end, or in the last fifth of its life, whichever is later.
const MARGIN = 5 * 60_000;

type Current = { readonly token: string; readonly renewAt: Monotonic; readonly endsAt: Monotonic };

/** Access tokens that `obtain` gets. */
export class RenewedToken implements TokenSource {
  readonly #clock: Clock;
  readonly #obtain: Obtain;
  #current: Current | undefined;
  #renewing: Promise<string | TokenFailure> | undefined;

  constructor(clock: Clock, obtain: Obtain) {
    this.#clock = clock;
    this.#obtain = obtain;
  }

  async token(): Promise<string | TokenFailure> {
    if (this.#current !== undefined && this.#clock.now() < this.#current.renewAt) return this.#current.token;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return await this.#renewing;
  }

  refused(token: string): void {
    if (this.#current?.token === token) this.#current = undefined;
  }

  async #renew(): Promise<string | TokenFailure> {
    const asked = this.#clock.now(); // the token's life began at some moment after this one
    try {
      const { accessToken, lifetime = UNKNOWN_LIFETIME } = await this.#obtain();
      const life = Math.min(lifetime, LONGEST_LIFETIME);
      this.#current = { token: accessToken, renewAt: later(asked, life - Math.min(MARGIN, life / 5)), endsAt: later(asked, life) };
      return accessToken;
    } catch (error) {
      if (!(error instanceof TokenFailed)) throw error;
      const left = this.#current;
      return left !== undefined && this.#clock.now() < left.endsAt ? left.token : error.failure;
    }
  }
}
