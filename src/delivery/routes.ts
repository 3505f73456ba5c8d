// The upstreams in order of preference, each with its health and its pace: which one takes the next
// message, and when there will be one. No timer of its own.

import type { Clock, Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { describeFailure, type Failure, type UpstreamFailure } from '../vocabulary/attempt.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { Rate } from '../vocabulary/rate.ts';
import type { UpstreamStatus } from '../vocabulary/upstream-status.ts';
import { afterFailure, type Health, isThrottle, opensAt, UP, whileSending } from './health.ts';
import { createPace, type Pace } from './pace.ts';
import type { Carrier } from './queue.ts';

export type RouteParts = {
  readonly carriers: readonly Carrier[];
  readonly rate: Rate | undefined;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly tell: Tell;
};

export interface Routes {
  /** The first upstream that may be sent a message now; it counts as sent. */
  take(now: Monotonic): Carrier | undefined;
  /** When `take` will give one; undefined while only the end of a probe can tell. */
  opensAt(now: Monotonic): Monotonic | undefined;
  /** The upstream answered. */
  answered(carrier: Carrier): void;
  /** It answered that it wants less. */
  slowed(carrier: Carrier, failure: Failure): void;
  failed(carrier: Carrier, failure: UpstreamFailure): void;
  /** What was sent ended without a word on the upstream: the next message probes. */
  saidNothing(carrier: Carrier): void;
  /** Lets those that are down be tried now: all, or those that only lack the right time. */
  tryNow(which: 'all' | 'clock'): void;
  /** Whether one is down that would be up if the board's clock were right. */
  readonly waitsForClock: boolean;
  status(): readonly UpstreamStatus[];
}

type Route = { readonly carrier: Carrier; health: Health; readonly pace: Pace; throttle: Failure | undefined };

export function createRoutes({ carriers, rate, clock, random, tell }: RouteParts): Routes {
  const routes: readonly Route[] = carriers.map((carrier) => ({
    carrier,
    health: UP,
    pace: createPace(rate, clock.now()),
    throttle: undefined,
  }));
  const routeOf = (carrier: Carrier): Route => {
    const route = routes.find((one) => one.carrier === carrier);
    if (route === undefined) throw new Error(`${carrier.name} is none of the upstreams`);
    return route;
  };
  const opens = ({ health, pace }: Route, now: Monotonic): Monotonic | undefined => {
    const healthy = opensAt(health);
    if (healthy === 'unknown') return undefined;
    const paced = pace.opensAt(now);
    return healthy === 'now' || healthy < paced ? paced : healthy;
  };
  const secondsUntil = (at: Monotonic) => Math.max(0, Math.round((at - clock.now()) / 1000));

  /** The upstream is reachable. */
  function up(route: Route): void {
    const before = route.health;
    route.health = UP;
    if (before.state === 'up') return;
    tell('upstreamUp', { upstream: route.carrier.name, downSeconds: Math.round((clock.now() - before.since) / 1000) });
  }

  function slow(route: Route, failure: Failure): void {
    const now = clock.now();
    route.throttle = failure;
    route.pace.slowDown(now);
    tell('upstreamSlowed', { upstream: route.carrier.name, failure, retryInSeconds: secondsUntil(route.pace.opensAt(now)) });
  }

  return {
    take(now) {
      const route = routes.find((one) => (opens(one, now) ?? Number.POSITIVE_INFINITY) <= now);
      if (route === undefined) return undefined;
      route.health = whileSending(route.health);
      route.pace.start(now);
      return route.carrier;
    },
    opensAt(now) {
      const all = routes.flatMap((route) => opens(route, now) ?? []);
      return all.length === 0 ? undefined : (Math.min(...all) as Monotonic);
    },
    answered(carrier) {
      const route = routeOf(carrier);
      up(route);
      route.pace.speedUp();
    },
    slowed(carrier, failure) {
      const route = routeOf(carrier);
      up(route);
      slow(route, failure);
    },
    failed(carrier, failure) {
      const route = routeOf(carrier);
      if (isThrottle(failure)) {
        // It is there and answers, if only to say "less".
        if (route.health.state === 'probing') up(route);
        return slow(route, failure);
      }
      const now = clock.now();
      const before = route.health;
      const after = afterFailure(before, failure, now, random);
      route.health = after;
      if (after === before) return;
      const isRepeated = before.state !== 'up' && describeFailure(before.failure) === describeFailure(failure);
      tell('upstreamDown', { upstream: carrier.name, failure, retryInSeconds: secondsUntil(after.probeAt), isRepeated });
    },
    saidNothing(carrier) {
      const route = routeOf(carrier);
      if (route.health.state === 'probing') route.health = { ...route.health, state: 'down', probeAt: clock.now() };
    },
    tryNow(which) {
      for (const route of routes) {
        if (route.health.state !== 'down' || (which === 'clock' && route.health.failure.isClock !== true)) continue;
        route.health = { ...route.health, probeAt: clock.now() };
      }
    },
    get waitsForClock() {
      return routes.some(({ health }) => health.state === 'down' && health.failure.isClock === true);
    },
    status: () =>
      routes.map(({ carrier: { name }, health, pace, throttle }): UpstreamStatus => {
        if (health.state === 'up') {
          if (!pace.isSlowed || throttle === undefined) return { name, state: 'up' };
          return { name, state: 'slowed', ...worded(throttle), retryInSeconds: secondsUntil(pace.opensAt(clock.now())) };
        }
        const downSeconds = Math.round((clock.now() - health.since) / 1000);
        const retry = health.state === 'down' ? { retryInSeconds: secondsUntil(health.probeAt) } : {};
        return { name, state: health.state, ...worded(health.failure), downSeconds, ...retry };
      }),
  };
}

function worded(failure: Failure): { readonly problem: string; readonly advice?: string } {
  return { problem: describeFailure(failure), ...(failure.advice === undefined ? {} : { advice: failure.advice }) };
}
