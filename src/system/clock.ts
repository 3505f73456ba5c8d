// Time, passed in so that tests can move it. Durations and deadlines use the monotonic clock, which does not change
// when the date is set; wall time is only ever shown or written into a header field.

declare const monotonic: unique symbol;
declare const wallTime: unique symbol;

/** Milliseconds, with fractions, since some fixed moment; only differences mean anything. */
export type Monotonic = number & { readonly [monotonic]: true };

/** Milliseconds since 1970-01-01 UTC, as the board has them: its date may be wrong, and may jump. */
export type WallTime = number & { readonly [wallTime]: true };

/** Cancels what was to run. Does nothing when it has run already, or was cancelled. */
export type Cancel = () => void;

/** What the relay knows of time. test/contracts/clock.ts has what any implementation must do. */
export interface Clock {
  /** Time that never goes back, for durations and deadlines. */
  now(): Monotonic;
  /** The date, for people and for header fields. */
  wall(): WallTime;
  /**
   * Runs `run` once, in `milliseconds`, never before this returns; at once for a negative number, and in 24 days at
   * the latest, the longest that a timer of Node holds. Does not keep the process alive by itself.
   */
  after(milliseconds: number, run: () => void): Cancel;
}

// A Node timer beyond 2^31-1 ms fires at once.
const LONGEST_TIMER = 2 ** 31 - 1;

/** The clock of this machine. */
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

/** Resolves after `milliseconds`, or as soon as `stop` aborts; never rejects. */
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
