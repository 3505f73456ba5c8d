// How long to wait. Pure. Full jitter (each wait is drawn from the whole range), so that messages that
// failed together don't come back together.

import type { Random } from '../system/random.ts';

/** Shortest and longest wait, in ms. */
export type Range = { readonly min: number; readonly max: number };

/**
 * The wait after a failure, in ms; `failures`: how many came before it. It is drawn between half of `min` and a ceiling
 * that doubles with each failure, from `min` to `max`.
 */
export function backOff(failures: number, { min, max }: Range, random: Random): number {
  const ceiling = Math.min(max, min * 2 ** Math.min(failures, 30));
  const floor = min / 2;
  return Math.round(floor + random.fraction() * (ceiling - floor));
}
