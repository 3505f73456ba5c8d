// How large a message from a device may be: EHLO's SIZE (RFC 1870). It is the smallest of GATEPOST_MAX_MESSAGE, of what
// the upstreams take less what this relay adds, and of what the spool could ever hold.
//
// An upstream's SIZE is learned when a connection to it is made, which happens only for a message. Where an old SIZE
// keeps messages out, no message would ever come to renew it: then the upstreams are asked without one.

import { MOST_ADDED_OCTETS } from '../message/trace.ts';
import { atMostEvery } from '../system/at-most-every.ts';
import type { Clock } from '../system/clock.ts';
import { LIMITS } from './limits.ts';

/** What the limit follows from. */
type SizeLimitParts = {
  /** GATEPOST_MAX_MESSAGE, in octets. */
  readonly maxMessage: number;
  /** The largest message that the spool could ever hold, in octets. */
  readonly largest: number;
  /** The smallest SIZE of the upstreams in octets, as last learned; undefined for none. */
  readonly upstreamSize: () => number | undefined;
  /** Has the upstreams asked for their SIZE; called at most once in `LIMITS.relearnSize`. */
  readonly relearn: () => void;
  readonly clock: Pick<Clock, 'now'>;
};

/** The limit as it is at each moment. */
export class SizeLimit {
  readonly #parts: SizeLimitParts;
  /** What would hold without upstreams. */
  readonly #own: number;
  readonly #relearn: () => unknown;

  constructor(parts: SizeLimitParts) {
    this.#parts = parts;
    this.#relearn = atMostEvery(LIMITS.relearnSize, parts.clock, parts.relearn);
    this.#own = Math.max(0, Math.min(parts.maxMessage, parts.largest - MOST_ADDED_OCTETS));
  }

  /** The limit at this moment, in octets; 0 when nothing could be passed on. */
  get octets(): number {
    return Math.max(0, Math.min(this.#own, this.#upstream));
  }

  /** Has the upstreams asked if they lower the limit: what is known of them stems from the relay's last run. */
  start(): void {
    if (this.#upstream < this.#own) this.#relearn();
  }

  /** Notes that a device wanted to send so many octets, more than the limit: the upstreams may take more by now. */
  exceeded(octets: number): void {
    if (octets <= this.#own) this.#relearn();
  }

  get #upstream(): number {
    return (this.#parts.upstreamSize() ?? Number.POSITIVE_INFINITY) - MOST_ADDED_OCTETS;
  }
}
