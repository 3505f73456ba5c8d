// A clock that the test moves.

import type { Cancel, Clock, Monotonic, WallTime } from '../../src/system/clock.ts';

export type FakeClock = Clock & {
  /** Moves time, running what falls due, in order. */
  advance(milliseconds: number): Promise<void>;
  /** Sets the date without moving monotonic time. */
  setWall(time: number): void;
  /** When the next timer falls due, in ms from now; undefined for none. */
  nextTimer(): number | undefined;
};

export const START_OF_TIME = Date.UTC(2026, 10, 24, 12, 0, 0);

export function fakeClock(): FakeClock {
  let now = 1_000;
  let wallOffset = START_OF_TIME - now;
  let timers: { at: number; run: () => void }[] = [];
  return {
    now: () => now as Monotonic,
    wall: () => (now + wallOffset) as WallTime,
    after(milliseconds, run): Cancel {
      const timer = { at: now + Math.max(0, milliseconds), run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    async advance(milliseconds) {
      const until = now + milliseconds;
      for (;;) {
        await settled();
        const next = timers.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)[0];
        if (next === undefined) break;
        now = Math.max(now, next.at);
        timers = timers.filter((one) => one !== next);
        next.run();
      }
      now = until;
      await settled();
    },
    setWall(time) {
      wallOffset = time - now;
    },
    nextTimer: () => (timers.length === 0 ? undefined : Math.min(...timers.map(({ at }) => at)) - now),
  };
}

/** Lets everything run that is ready to run without time or I/O passing. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 25; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Time that runs `factor` times as fast as the wall's, for tests that must live through RFC 5321's patience with real sockets. */
export function fastClock(factor: number): Clock {
  const started = performance.now();
  const now = () => ((performance.now() - started) * factor) as Monotonic;
  return {
    now,
    wall: () => (START_OF_TIME + now()) as WallTime,
    after(milliseconds, run) {
      const timer = setTimeout(run, Math.max(0, milliseconds) / factor);
      return () => clearTimeout(timer);
    },
  };
}
