// Running time: how long the relay has been running, all runs together. Messages age by it, so that no set
// of the date expires one, and a board that is switched off at night does not age them then.
//
// It survives a kill because frames carry it: what is written anyway (arrivals, outcomes, `done`s), and
// once an hour a frame of its own while messages wait and nothing else is written. So a power cut costs
// an hour of age at most.

import type { Cancel, Clock } from '../system/clock.ts';

export interface RunningTime {
  /** In milliseconds. */
  now(): number;
  /** Notes that a frame carries `time` to the flash, and returns it. */
  carry(time?: number): number;
  /** Messages wait: from now on the time is written at least once an hour, until none does. */
  watch(): void;
  stop(): void;
}

export type RunningTimeParts = {
  readonly clock: Clock;
  /** As the last runs left it. */
  readonly before: number;
  readonly isMessageWaiting: () => boolean;
  /** Appends a frame that carries the time. */
  readonly write: () => void;
};

const MOST_UNWRITTEN = 3_600_000;

export function createRunningTime({ clock, before, isMessageWaiting, write }: RunningTimeParts): RunningTime {
  const started = clock.now();
  let carried = before;
  let cancel: Cancel | undefined;
  const now = () => Math.round(before + clock.now() - started);

  function watch(): void {
    cancel ??= clock.after(carried + MOST_UNWRITTEN - now(), () => {
      cancel = undefined;
      if (!isMessageWaiting()) return;
      if (now() - carried >= MOST_UNWRITTEN) write();
      watch();
    });
  }

  return {
    now,
    carry(time = now()) {
      carried = Math.max(carried, time);
      return time;
    },
    watch,
    stop() {
      cancel?.();
      cancel = undefined;
    },
  };
}
