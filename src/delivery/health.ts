// An upstream's health: up, or down and probed with one message at a time. Pure. A network that is away
// is probed often, so that the queue drains within two minutes of its return; a refused login seldom,
// so that a wrong password doesn't lock the account.

import type { UpstreamFailure } from '../smtp/outcome.ts';
import { later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { backOff, type Range } from './backoff.ts';

export type Health =
  | { readonly state: 'up' }
  | { readonly state: 'down'; readonly since: Monotonic; readonly failures: number; readonly probeAt: Monotonic }
  | { readonly state: 'probing'; readonly since: Monotonic; readonly failures: number };

const PROBE: Range = { min: 5_000, max: 120_000 };
const PROBE_LOGIN: Range = { min: 15 * 60_000, max: 4 * 3_600_000 };

export const UP: Health = { state: 'up' };

/** Whether a login was refused for good, not for now. */
function isLoginRefused(failure: UpstreamFailure): boolean {
  return failure.stage === 'auth' && failure.reply !== undefined && failure.reply.code >= 500;
}

export function afterFailure(health: Health, failure: UpstreamFailure, now: Monotonic, random: Random): Extract<Health, { state: 'down' }> {
  const failures = health.state === 'up' ? 0 : health.failures + (health.state === 'probing' ? 1 : 0);
  const since = health.state === 'up' ? now : health.since;
  const wait = backOff(failures, isLoginRefused(failure) ? PROBE_LOGIN : PROBE, random);
  const probeAt = later(now, wait);
  // Of several connections that fail together, the first has set the wait.
  return health.state === 'down' && health.probeAt > now ? health : { state: 'down', since, failures, probeAt };
}

/** Whether a message may be sent now. */
export function isOpen(health: Health, now: Monotonic): boolean {
  return health.state === 'up' || (health.state === 'down' && now >= health.probeAt);
}

/** The health while a message is under way: of one that was down, that message is the probe. */
export function whileSending(health: Health): Health {
  return health.state === 'down' ? { state: 'probing', since: health.since, failures: health.failures } : health;
}
