// Randomness from a seed: the same seed gives the same run.

import type { Random } from '../../../src/system/random.ts';

/** The relay's random source, and what tests need beside it. */
export type SeededRandom = Random & {
  /** A whole number in [0, limit). */
  below(limit: number): number;
};

/** Mulberry32. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(fraction() * limit);
  return { fraction, below, bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))) };
}
