// Randomness, passed in so that tests own it.

import { randomBytes } from 'node:crypto';

export interface Random {
  bytes(count: number): Buffer;
  /** A number in [0, 1). */
  fraction(): number;
}

export const systemRandom: Random = { bytes: randomBytes, fraction: Math.random };
