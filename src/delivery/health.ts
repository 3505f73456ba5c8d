// An upstream's health: up, or down and probed with one message at a time. Pure. A network that is away
// is probed often, so that the queue drains within two minutes of its return; a refused login seldom,
// so that a wrong password doesn't lock the account. A provider that says "slower" is not down: pace.ts.

import { later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { type Failure, QUOTA_OF_THE_DAY, type UpstreamFailure } from '../vocabulary/attempt.ts';
import { backOff, type Range } from './backoff.ts';

export type Health =
  | { readonly state: 'up' }
  | {
      readonly state: 'down';
      readonly since: Monotonic;
      readonly failures: number;
      readonly probeAt: Monotonic;
      readonly failure: UpstreamFailure;
    }
  | { readonly state: 'probing'; readonly since: Monotonic; readonly failures: number; readonly failure: UpstreamFailure };

const PROBE: Range = { min: 5_000, max: 120_000 };
const PROBE_LOGIN: Range = { min: 15 * 60_000, max: 4 * 3_600_000 };

export const UP: Health = { state: 'up' };

/** Whether a login was refused for good, not for now. */
function isLoginRefused(failure: UpstreamFailure): boolean {
  return failure.stage === 'auth' && failure.reply !== undefined && failure.reply.code >= 500;
}

/**
 * Whether the provider asks for less: 421 4.7.x, 432, 450 and 451 4.7.x, 454 4.7.0 (but not to STARTTLS,
 * where it means that TLS is not to be had), and 5.4.5, the day's quota. It speaks of the account,
 * whatever message it is said to.
 */
export function isThrottle({ stage, reply }: Failure): boolean {
  if (reply === undefined || stage === 'starttls') return false;
  const { code, status = '' } = reply;
  return code === 432 || status === QUOTA_OF_THE_DAY || ([421, 450, 451, 454].includes(code) && status.startsWith('4.7.'));
}

export function afterFailure(health: Health, failure: UpstreamFailure, now: Monotonic, random: Random): Extract<Health, { state: 'down' }> {
  const failures = health.state === 'up' ? 0 : health.failures + (health.state === 'probing' ? 1 : 0);
  const since = health.state === 'up' ? now : health.since;
  const wait = backOff(failures, isLoginRefused(failure) ? PROBE_LOGIN : PROBE, random);
  const probeAt = later(now, wait);
  // Of several connections that fail together, the first has set the wait.
  return health.state === 'down' && health.probeAt > now ? health : { state: 'down', since, failures, probeAt, failure };
}

/** When a message may be sent; never while a probe is under way, whose end is the next news. */
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
