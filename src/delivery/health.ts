// An upstream's health: up, or down and probed with one message at a time. Pure. A network that is away
// is probed often, so that the queue drains within two minutes of its return; a refused login seldom,
// so that a wrong password doesn't lock the account. A provider that wants less is not down: pace.ts.

import { later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import type { Cause, Failure } from '../vocabulary/attempt.ts';
import { backOff, type Range } from './backoff.ts';

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

const PROBE: Range = { min: 5_000, max: 120_000 };
const PROBE_LOGIN: Range = { min: 15 * 60_000, max: 4 * 3_600_000 };

/**
 * What a failure does to its upstream: it is sent less (pace.ts), or it is down, and probed with waits in this range.
 */
export const TREATMENT: Readonly<Record<Cause, 'slow-down' | Range>> = {
  throttled: 'slow-down',
  quota: 'slow-down',
  'login-refused': PROBE_LOGIN,
  'authorization-lost': PROBE_LOGIN,
  plain: PROBE,
  clock: PROBE,
  'too-many-recipients': PROBE,
};

/**
 * The health after a failure, `probe` being the range of waits for the next probe; the same object when nothing
 * changes.
 */
export function afterFailure(
  health: Health,
  { failure, probe, now, random }: { readonly failure: Failure; readonly probe: Range; readonly now: Monotonic; readonly random: Random },
): Down {
  const failures = health.state === 'up' ? 0 : health.failures + (health.state === 'probing' ? 1 : 0);
  const since = health.state === 'up' ? now : health.since;
  const probeAt = later(now, backOff(failures, probe, random));
  // Of several connections that fail together, the first has set the wait.
  return health.state === 'down' && health.probeAt > now ? health : { state: 'down', since, failures, probeAt, failure };
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
