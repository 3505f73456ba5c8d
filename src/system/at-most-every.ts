// Work that others may ask for as often as they like, and that is done less often.

import type { Clock } from './clock.ts';

/** `work`, done when it is asked for and was not done in the last `milliseconds`; it is not made up for later. */
export function atMostEvery(milliseconds: number, clock: Pick<Clock, 'now'>, work: () => unknown): () => 'done' | 'too-soon' {
  let last: number | undefined;
  return () => {
    if (last !== undefined && clock.now() - last < milliseconds) return 'too-soon';
    last = clock.now();
    work();
    return 'done';
  };
}
