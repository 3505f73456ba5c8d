// Known devices: those whose first message came an hour of running time ago, or earlier. A flood of addresses is new;
// the last part of the space is kept from it, for the smoke detector that has been there for years.
//
// The table is bounded and a new device never removes another from it. So a flood can fill it, and then others stay
// new, but it can't make anybody unknown. Recovery makes it anew from the commits in the log.

import { OWN_DEVICE } from '../vocabulary/queued-message.ts';

const KNOWN_AFTER = 3_600_000;
const MOST_DEVICES = 1_024;

/** When the first message of each device came. */
export class KnownDevices {
  // A notification takes the place of mail that came, so the relay itself is never new.
  readonly #firstMessage = new Map([[OWN_DEVICE, Number.NEGATIVE_INFINITY]]);

  /** Notes that a message of the device came at `at`, in ms of running time; in any order. */
  note(device: string, at: number): void {
    const first = this.#firstMessage.get(device);
    if (first === undefined ? this.#firstMessage.size < MOST_DEVICES : at < first) this.#firstMessage.set(device, at);
  }

  /** Whether the device is known at `now`, in ms of running time. */
  isKnown(device: string, now: number): boolean {
    return now - (this.#firstMessage.get(device) ?? now) >= KNOWN_AFTER;
  }

  /** All devices that are known at `now`, in ms of running time. */
  all(now: number): readonly string[] {
    return [...this.#firstMessage.keys()].filter((device) => this.isKnown(device, now));
  }
}
