// The connections that are open: how many in all and from each device, who is let in, and who must go when they
// are short. Those that are turned away are counted, too: the internet must not be able to hold a descriptor each.

import type { Refusal } from '../smtp/reply.ts';
import type { Clock } from '../system/clock.ts';
import { LIMITS } from './limits.ts';
import * as replies from './replies.ts';
import type { Conversation } from './session.ts';

export type ConnectionLimits = {
  readonly maxConnections: number;
  readonly maxConnectionsPerDevice: number;
};

/** One that was let in. `conversation` is absent while its TLS begins. */
export type Admitted = { readonly device: string; conversation?: Conversation };

// Sessions beyond this share of the maximum make idle ones go.
const PRESSURE = 0.8;
// Turned away and not yet gone.
const MOST_TURNED_AWAY = 50;

export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #admitted = new Set<Admitted>();
  readonly #perDevice = new Map<string, number>();
  #turnedAway = 0;

  constructor(limits: ConnectionLimits, clock: Pick<Clock, 'now'>) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Whether so many are open that idle ones must go sooner. */
  get isShort(): boolean {
    return this.#admitted.size > this.#limits.maxConnections * PRESSURE;
  }

  /** Lets one more in, at the cost of those that have long said nothing when connections are short; or what it is refused with. */
  admit(device: string): Admitted | Refusal {
    if (this.isShort) this.#expireIdle();
    if (this.#admitted.size >= this.#limits.maxConnections) return replies.tooManyConnections;
    const count = this.#perDevice.get(device) ?? 0;
    if (count >= this.#limits.maxConnectionsPerDevice) return replies.tooManyFromDevice;
    const admitted: Admitted = { device };
    this.#admitted.add(admitted);
    this.#perDevice.set(device, count + 1);
    return admitted;
  }

  /** It has ended; harmless when that is known. */
  remove(one: Admitted): void {
    if (!this.#admitted.delete(one)) return;
    const left = (this.#perDevice.get(one.device) ?? 1) - 1;
    if (left === 0) this.#perDevice.delete(one.device);
    else this.#perDevice.set(one.device, left);
  }

  /** Those told to go count no longer: they are closed within seconds, whatever the device does. */
  #expireIdle(): void {
    const now = this.#clock.now();
    for (const one of [...this.#admitted]) {
      const since = one.conversation?.idleSince;
      if (since === undefined || now - since < LIMITS.commandTimeoutUnderPressure) continue;
      one.conversation?.expire();
      this.remove(one);
    }
  }

  /** Runs `work`, which says a last word to one that is not let in; false when too many of those are there already. */
  turnAway(work: () => Promise<void>): boolean {
    if (this.#turnedAway >= MOST_TURNED_AWAY) return false;
    this.#turnedAway += 1;
    void work().finally(() => {
      this.#turnedAway -= 1;
    });
    return true;
  }
}
