// Where OAuth access tokens come from, as whoever logs in with them sees it.

import type { Cause } from './cause.ts';

/** Why there is no token: the problem in a sentence, and what the owner of the board can do about it. */
export type TokenFailure = {
  /**
   * `authorization-lost`: the authorization server gives no token until the owner acts. `clock`: its certificate's
   * dates don't fit the board's date. `plain`: an outage like any other.
   */
  readonly cause: Extract<Cause, 'plain' | 'clock' | 'authorization-lost'>;
  readonly problem: string;
  readonly advice?: string;
};

/** The access tokens of one account, which live in memory only. */
export interface TokenSource {
  /** A token that has not expired, renewed where it must be, once for all who wait. Rejects for faults only. */
  token(): Promise<string | TokenFailure>;
  /** The upstream refused this token: it is not given out again. */
  refused(token: string): void;
}
