// The date on a board that may have no battery-backed clock: it wakes up in 1970, or where it last stopped. What is
// certainly wrong is replaced by the best that is known, so that the fields written into messages don't speak of
// 1970. (The log has the system's own date: there it is a fact worth seeing.)

import type { Cancel, Clock, Monotonic, WallTime } from './clock.ts';

/** A clock whose date is corrected; its durations are those of the clock that it is made from. */
export class Calendar implements Clock {
  readonly #clock: Clock;
  readonly #built: WallTime;
  readonly #startedAt: Monotonic;
  /** No date before this one can be right, unless a date that was seen earlier was wrong. */
  readonly #floor: number;

  /**
   * `built`: when this program was made; `newest`: the latest date ever seen on this board. A date before `built` is
   * certainly wrong, and replaced; one before `newest` only probably (`newest` may be the wrong one), and kept.
   */
  constructor(clock: Clock, built: WallTime, newest: WallTime) {
    this.#clock = clock;
    this.#built = built;
    this.#startedAt = clock.now();
    this.#floor = Math.max(built, newest);
  }

  /** As Clock has it. */
  now(): Monotonic {
    return this.#clock.now();
  }

  /** As Clock has it. */
  after(milliseconds: number, run: () => void): Cancel {
    return this.#clock.after(milliseconds, run);
  }

  /** The system's date; where that lies before `built`, the newest known date, going on since the start. */
  wall(): WallTime {
    const time = this.#clock.wall();
    return time >= this.#built ? time : ((this.#floor + this.#clock.now() - this.#startedAt) as WallTime);
  }

  /** Whether the system's date lies before one that has been seen already, or before this program was made. */
  isBehind(): boolean {
    return this.#clock.wall() < this.#floor;
  }
}
