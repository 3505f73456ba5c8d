// Notices that the board's date was set: NTP came through on a board without a battery. Linux tells no one
// who only has timers, so the date is compared with the monotonic clock, and only while an upstream is
// down for a certificate whose dates don't fit; at any other time nothing runs.

import type { Cancel, Clock } from '../system/clock.ts';

const EVERY = 2_000;
// Drift and slewing are slower than this; a set of the date that matters to a certificate is larger.
const JUMP = 10_000;

export interface ClockWatch {
  /** Watches from now on; harmless when it already does. */
  start(): void;
  stop(): void;
}

/** Calls `jumped` once the date has been set, and stops watching. */
export function createClockWatch(clock: Clock, jumped: () => void): ClockWatch {
  let cancel: Cancel | undefined;
  const offset = () => clock.wall() - clock.now();

  function look(before: number): void {
    cancel = clock.after(EVERY, () => {
      cancel = undefined;
      if (Math.abs(offset() - before) > JUMP) jumped();
      else look(before);
    });
  }

  return {
    start() {
      if (cancel === undefined) look(offset());
    },
    stop() {
      cancel?.();
      cancel = undefined;
    },
  };
}
