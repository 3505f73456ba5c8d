// The connections that are open: how many in all and from each device, which one more is accepted, and which must end
// when they are short. Those that are refused are counted, too: the internet must not be able to hold a descriptor
// each.

import type { Refusal } from '../smtp/reply.ts';
import type { Clock, Monotonic } from '../system/clock.ts';
import { networkOf } from '../vocabulary/network.ts';
import { LIMITS } from './limits.ts';
import * as replies from './replies.ts';

/** GATEPOST_MAX_CONNECTIONS and GATEPOST_MAX_CONNECTIONS_PER_DEVICE. */
export type ConnectionLimits = { readonly maxConnections: number; readonly maxConnectionsPerDevice: number };

/** What is needed of a session to end it when it idles. */
export type Idling = {
  /**
   * When the device will have been silent for so long that others need the place more; undefined while the session
   * waits for something else.
   */
  readonly expendableAt: Monotonic | undefined;
  /** Ends its wait for the device. */
  expire(): void;
};

/** One connection that was accepted. `session` is absent while TLS is being negotiated from the first byte. */
export type Admitted = { readonly device: string; session?: Idling };

/** Counts connections; sessions ask it whether they are short. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #admitted = new Set<Admitted>();
  readonly #open = new Map<string, number>(); // by address, and by IPv6 network
  #turnedAway = 0;

  constructor(limits: ConnectionLimits, clock: Pick<Clock, 'now'>) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Whether so many are open that idle ones must end sooner. */
  get isShort(): boolean {
    return this.#admitted.size > this.#limits.maxConnections * LIMITS.pressure;
  }

  /**
   * Counts one more connection of this address, or says what it is refused with: too many of the address, of its IPv6
   * network, or in all. When connections are short, sessions
   * whose devices have long been silent end for it. What is returned must be removed once the connection has ended.
   */
  admit(device: string): Admitted | Refusal {
    if (this.isShort) this.#expireIdle();
    if (this.#admitted.size >= this.#limits.maxConnections) return replies.tooManyConnections;
    const { maxConnectionsPerDevice: most } = this.#limits;
    const network = networkOf(device);
    const isNetworkFull = network !== undefined && this.#openOf(network) >= most * LIMITS.devicesInNetwork;
    if (isNetworkFull || this.#openOf(device) >= most) return replies.tooManyFromDevice;
    const admitted: Admitted = { device };
    this.#admitted.add(admitted);
    this.#count(device, 1);
    return admitted;
  }

  /** Counts it no longer; does nothing when it was removed before. */
  remove(one: Admitted): void {
    if (this.#admitted.delete(one)) this.#count(one.device, -1);
  }

  #openOf(name: string): number {
    return this.#open.get(name) ?? 0;
  }

  #count(device: string, more: 1 | -1): void {
    for (const name of [device, networkOf(device)]) {
      if (name === undefined) continue;
      const count = this.#openOf(name) + more;
      if (count === 0) this.#open.delete(name);
      else this.#open.set(name, count);
    }
  }

  /** Those that must end count no longer: they are closed within seconds, whatever the device does. */
  #expireIdle(): void {
    const now = this.#clock.now();
    for (const one of [...this.#admitted]) {
      const at = one.session?.expendableAt;
      if (at === undefined || now < at) continue;
      one.session?.expire();
      this.remove(one);
    }
  }

  /**
   * Runs `work`, which sends a refusal and closes a connection; false, without running it, when too many of those are
   * open.
   */
  turnAway(work: () => Promise<void>): boolean {
    if (this.#turnedAway >= LIMITS.turnedAway) return false;
    this.#turnedAway += 1;
    void work().finally(() => {
      this.#turnedAway -= 1;
    });
    return true;
  }
}
