// Randomness, passed in so that tests can repeat it.

import { randomBytes } from 'node:crypto';

/** Where random numbers come from: the system, or a test's seed. */
export interface Random {
  /** So many octets that nobody can guess. */
  bytes(count: number): Buffer;
  /** A number in [0, 1), for jitter; it need not be hard to guess. */
  fraction(): number;
}

/** The randomness of this machine. */
export const systemRandom: Random = { bytes: randomBytes, fraction: Math.random };
