// The date on a board that may have no battery-backed clock: it wakes up in 1970, or where it last stopped.
// What is certainly wrong is replaced by the best that is known, so that the fields written into messages don't speak
// of 1970. (The log has the system's own date: there it is a fact worth seeing.)

import type { Clock, WallTime } from './clock.ts';

export interface Calendar extends Clock {
  /** Whether the system's date lies before one that has been seen already, or before this program was made. */
  isBehind(): boolean;
}

/**
 * `built`: when this program was made; `newest`: the latest date ever seen here. A date before `built` is
 * certainly wrong, and replaced; one before `newest` only probably (it may have been the newest that was
 * wrong), and kept.
 */
export function calendar(clock: Clock, built: WallTime, newest: WallTime): Calendar {
  const startedAt = clock.now();
  const floor = Math.max(built, newest);
  return {
    now: () => clock.now(),
    after: (milliseconds, run) => clock.after(milliseconds, run),
    wall() {
      const time = clock.wall();
      return time >= built ? time : ((floor + clock.now() - startedAt) as WallTime);
    },
    isBehind: () => clock.wall() < floor,
  };
}
