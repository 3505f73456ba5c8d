// Running time: how long the relay has been running, all runs together. Messages age by it, so that no set of the
// date expires one, and a board that is switched off at night does not age them then.
//
// It survives a kill because frames carry it: those that are written anyway (commits, outcomes, `done`s), and those
// that running-writer.ts adds.

import type { Clock, Monotonic } from '../system/clock.ts';

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
