// An upstream's health: up, or down and probed with one message at a time. Pure. A network that is away
// is probed often, so that the queue drains within two minutes of its return. Logins have a pace of their own:
// login-pace.ts. A provider that wants less is not down: pace.ts.

import type { Monotonic } from '../system/clock.ts';
import type { Failure } from '../vocabulary/attempt.ts';
import type { Range } from './backoff.ts';

type Up = { readonly state: 'up' };
type Unavailable = {
  readonly since: Monotonic;
  /** How many probes have failed since then. */
  readonly failures: number;
  /** The last failure. */
  readonly failure: Failure;
};
/** `probeAt`: when a message may be sent to find out whether it still is. */
export type Down = Unavailable & { readonly state: 'down'; readonly probeAt: Monotonic };
type Probing = Unavailable & { readonly state: 'probing' };

/** `probing`: down, and a message is under way to find out whether it still is. */
export type Health = Up | Down | Probing;

/** Before anything was sent, and after every answer. */
export const UP: Up = { state: 'up' };

/** How long until the next probe. */
export const PROBE: Range = { min: 5_000, max: 120_000 };

/** The health after a failure, `probeAt` being the time of the next probe; the same object when nothing changes. */
export function afterFailure(health: Health, failure: Failure, now: Monotonic, probeAt: (failures: number) => Monotonic): Down {
  // Of several connections that fail together, the first has set the wait.
  if (health.state === 'down' && health.probeAt > now) return health;
  const failures = health.state === 'up' ? 0 : health.failures + (health.state === 'probing' ? 1 : 0);
  const since = health.state === 'up' ? now : health.since;
  return { state: 'down', since, failures, probeAt: probeAt(failures), failure };
}

/** When a message may be sent; `unknown` while a probe is under way, whose end decides. */
export function opensAt(health: Health): Monotonic | 'now' | 'unknown' {
  switch (health.state) {
    case 'up':
      return 'now';
    case 'down':
      return health.probeAt;
    case 'probing':
      return 'unknown';
  }
}

/** The health while a message is under way: of one that was down, that message is the probe. */
export function whileSending(health: Health): Health {
  if (health.state !== 'down') return health;
  const { since, failures, failure } = health;
  return { state: 'probing', since, failures, failure };
}
