// Time for tests that must live through RFC 5321's patience with real sockets, on a machine that is busy with other things.

import type { Clock, Monotonic } from '../../../src/system/clock.ts';
import { START_OF_TIME } from './clock.ts';

// In ms of the system's time.
const TURN = 2;
const LONGEST_TURN = 10;

/**
 * Time that runs `factor` times as fast as the system's as long as the event loop turns, and stands still while this
 * process gets no time to run: no deadline passes which the work could not have met. Runs until the process ends.
 */
export function turningClock(factor: number): Clock {
  let now = 0;
  let turnedAt = performance.now();
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  setInterval(() => {
    const elapsed = performance.now() - turnedAt;
    turnedAt += elapsed;
    now += Math.min(elapsed, LONGEST_TURN) * factor;
    const due = [...timers].filter(({ at }) => at <= now).sort((one, other) => one.at - other.at);
    for (const timer of due) if (timers.delete(timer)) timer.run();
  }, TURN).unref();
  return {
    now: () => now as Monotonic,
    wall: () => (START_OF_TIME + now) as ReturnType<Clock['wall']>,
    after(milliseconds, run) {
      const timer = { at: now + Math.max(0, milliseconds), run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  };
}
