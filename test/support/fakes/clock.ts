// A clock that the test moves.

import type { Cancel, Clock, Monotonic, WallTime } from '../../../src/system/clock.ts';

export type FakeClock = Clock & {
  /**
   * Moves time by so many ms, running what falls due, in order; each timer after all that the one before it set
   * going.
   */
  advance(milliseconds: number): Promise<void>;
  /** Sets the date (ms since 1970) without moving monotonic time. */
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

// Node's names for requests to the file system that have no answer yet.
const REQUESTS: ReadonlySet<string> = new Set(['FSReqCallback', 'FSReqPromise']);
let waiting = 0; // calls of settled(): each has an immediate of its own

/**
 * Resolves once nothing goes on by itself any more: no promise, tick or immediate is left to run, and no request to the
 * file system is open. It knows nothing of what comes over sockets or is computed in other threads (scrypt, TLS):
 * whoever needs that waits for its result.
 */
export async function settled(): Promise<void> {
  waiting += 1;
  do {
    // A turn of the loop runs all promises and ticks, those included that they lead to; immediates may lead to
    // another turn.
    await new Promise((resolve) => setImmediate(resolve));
  } while (goesOn());
  waiting -= 1;
}

function goesOn(): boolean {
  const active = process.getActiveResourcesInfo();
  return active.some((kind) => REQUESTS.has(kind)) || active.filter((kind) => kind === 'Immediate').length >= waiting;
}

// A longer one of Node's fires at once.
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Time that runs `factor` times as fast as the system's, for tests that must live through RFC 5321's patience with
 * real sockets.
 */
export function fastClock(factor: number): Clock {
  const started = performance.now();
  const now = () => ((performance.now() - started) * factor) as Monotonic;
  return {
    now,
    wall: () => (START_OF_TIME + now()) as WallTime,
    after(milliseconds, run) {
      const timer = setTimeout(run, Math.min(Math.max(0, milliseconds) / factor, LONGEST_TIMER));
      return () => clearTimeout(timer);
    },
  };
}
