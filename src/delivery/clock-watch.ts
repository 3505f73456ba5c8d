// Notices that the board's date was set: NTP came through on a board without a battery. Node offers no notification of
// that (timerfd's TFD_TIMER_CANCEL_ON_SET), so the date is compared with the monotonic clock every few seconds, and
// only while an upstream is down for a certificate whose dates don't fit; at any other time no timer runs.

import type { Cancel, Clock } from '../system/clock.ts';

// In ms.
const EVERY = 2_000;
// Drift and slewing are slower than this; a set of the date that matters to a certificate is larger. In ms.
const JUMP = 10_000;

/** Looks for a jump of the board's date between `start` and `stop`. */
export class ClockWatch {
  /** The unadjusted system clock, not a `Calendar`: its jumps are what is watched for. */
  readonly #clock: Clock;
  readonly #jumped: () => void;
  #cancel: Cancel | undefined;

  /** `jumped` is called once the date has been set; the watch has then stopped. */
  constructor(clock: Clock, jumped: () => void) {
    this.#clock = clock;
    this.#jumped = jumped;
  }

  /** Watches from now on; does nothing when it already does. */
  start(): void {
    if (this.#cancel === undefined) this.#look(this.#offset());
  }

  /** Watches no more; does nothing when it does not watch. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(before: number): void {
    this.#cancel = this.#clock.after(EVERY, () => {
      this.#cancel = undefined;
      if (Math.abs(this.#offset() - before) > JUMP) this.#jumped();
      else this.#look(before);
    });
  }

  #offset(): number {
    return this.#clock.wall() - this.#clock.now();
  }
}
