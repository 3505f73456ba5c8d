// Running time: how long the relay has been running, all runs together. Messages age by it, so that no set of the
// date expires one, and a board that is switched off at night does not age them then.
//
// It survives a kill because frames carry it: those that are written anyway (commits, outcomes, `done`s), and once an
// hour a frame of its own while messages wait and nothing else is written. So a power cut costs an hour of age at most.

import type { Cancel, Clock, Monotonic } from '../system/clock.ts';
import type { SpoolFacts } from './facts.ts';
import type { Log } from './log.ts';
import type { Messages } from './messages.ts';

/** Counts the running time, and how much of it the flash does not know yet. */
export class RunningTime {
  readonly #clock: Clock;
  readonly #before: number;
  readonly #started: Monotonic;
  // The highest time that a frame carries, or is about to.
  #carried: number;

  /** Counts on from `before`, the ms that all earlier runs took together. */
  constructor(clock: Clock, before: number) {
    this.#clock = clock;
    this.#before = before;
    this.#started = clock.now();
    this.#carried = before;
  }

  /** The running time, in ms. */
  now(): number {
    return Math.round(this.#before + this.#clock.now() - this.#started);
  }

  /** How much of it no frame carries yet, in ms. */
  get uncarried(): number {
    return this.now() - this.#carried;
  }

  /** Notes that a frame carries `time` to the flash, and returns it. */
  carry(time = this.now()): number {
    this.#carried = Math.max(this.#carried, time);
    return time;
  }
}

const MOST_UNCARRIED = 3_600_000;

type RunningTimeWriterParts = {
  readonly clock: Clock;
  readonly running: RunningTime;
  readonly messages: Messages;
  readonly facts: SpoolFacts;
  readonly log: Log;
};

/** Writes the running time at least once an hour while messages wait. */
export class RunningTimeWriter {
  readonly #parts: RunningTimeWriterParts;
  #cancel: Cancel | undefined;

  /** Writes nothing before `watch` is called. */
  constructor(parts: RunningTimeWriterParts) {
    this.#parts = parts;
  }

  /** Begins, unless it has; it ends by itself when no message waits. */
  watch(): void {
    const { clock, running, messages, facts, log } = this.#parts;
    this.#cancel ??= clock.after(MOST_UNCARRIED - running.uncarried, () => {
      this.#cancel = undefined;
      if (messages.count === 0) return;
      if (running.uncarried >= MOST_UNCARRIED) log.appendSoon(facts.frame());
      this.watch();
    });
  }

  /** Ends it at once. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
