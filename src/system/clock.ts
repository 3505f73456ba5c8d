// Time, passed in so that tests own it. Durations and deadlines use the monotonic clock, which no
// set of the date moves; wall time is only ever shown or written into a header field.

declare const monotonic: unique symbol;
declare const wallTime: unique symbol;

/** Milliseconds since some fixed moment; only differences mean anything. */
export type Monotonic = number & { readonly [monotonic]: true };

/** Milliseconds since 1970-01-01 UTC, as the board believes. */
export type WallTime = number & { readonly [wallTime]: true };

export type Cancel = () => void;

export interface Clock {
  now(): Monotonic;
  wall(): WallTime;
  /** Runs `run` once, in `milliseconds` (clamped to what a Node timer can hold). Does not keep the process alive by itself. */
  after(milliseconds: number, run: () => void): Cancel;
}

// A Node timer beyond 2^31-1 ms fires at once.
const LONGEST_TIMER = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now() as Monotonic,
  wall: () => Date.now() as WallTime,
  after(milliseconds, run) {
    const timer = setTimeout(run, Math.min(Math.max(milliseconds, 0), LONGEST_TIMER));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** `from` plus `milliseconds`. */
export function later(from: Monotonic, milliseconds: number): Monotonic {
  return (from + milliseconds) as Monotonic;
}

/** Resolves after `milliseconds`, or as soon as `stop` aborts. */
export function sleep(clock: Clock, milliseconds: number, stop?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop?.aborted === true) return resolve();
    const finish = () => {
      cancel();
      stop?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(milliseconds, finish);
    stop?.addEventListener('abort', finish, { once: true });
  });
}
