// The upstreams in order of preference, each with its health and its pace: which one takes the next
// message, and when there will be one. No timer of its own.

import type { Clock, Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { describeFailure, type Failure, type UpstreamFailure } from '../vocabulary/attempt.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { Rate } from '../vocabulary/rate.ts';
import type { UpstreamStatus } from '../vocabulary/upstream-status.ts';
import type { Range } from './backoff.ts';
import { afterFailure, type Health, opensAt, TREATMENT, UP, whileSending } from './health.ts';
import { Pace } from './pace.ts';
import type { Carrier } from './queue.ts';

type RoutesParts = {
  /** In order of preference. */
  readonly carriers: readonly Carrier[];
  /** The limit for each of them. */
  readonly rate: Rate | undefined;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly tell: Tell;
};

/** `slowedBy`: the last failure that slowed it down. */
type Route = { readonly carrier: Carrier; health: Health; readonly pace: Pace; slowedBy: Failure | undefined };

/** The upstreams, and what is known of each. */
export class Routes {
  readonly #routes: readonly Route[];
  readonly #clock: Pick<Clock, 'now'>;
  readonly #random: Random;
  readonly #tell: Tell;

  constructor({ carriers, rate, clock, random, tell }: RoutesParts) {
    this.#clock = clock;
    this.#random = random;
    this.#tell = tell;
    this.#routes = carriers.map((carrier) => ({ carrier, health: UP, pace: new Pace(rate, clock.now()), slowedBy: undefined }));
  }

  /**
   * The first upstream that may be sent a message now, if there is one; the message counts as sent. `among`: the only
   * ones that take it.
   */
  take(now: Monotonic, among?: readonly Carrier[]): Carrier | undefined {
    const route = this.#routes.find(
      (one) => among?.includes(one.carrier) !== false && (opening(one, now) ?? Number.POSITIVE_INFINITY) <= now,
    );
    if (route === undefined) return undefined;
    route.health = whileSending(route.health);
    route.pace.start(now);
    return route.carrier;
  }

  /** When `take` will give one; undefined while that depends on the end of a probe. */
  opensAt(now: Monotonic, among?: readonly Carrier[]): Monotonic | undefined {
    const all = this.#routes.flatMap((route) => (among?.includes(route.carrier) === false ? [] : (opening(route, now) ?? [])));
    return all.length === 0 ? undefined : (Math.min(...all) as Monotonic);
  }

  /** The upstream answered; `ofAccount`: a refusal among its answers that any message would have met. */
  answered(carrier: Carrier, ofAccount: Failure | undefined): void {
    const route = this.#routeOf(carrier);
    this.#up(route);
    if (ofAccount === undefined) route.pace.speedUp();
    else this.#slow(route, ofAccount);
  }

  /** The attempt said nothing about its message. */
  failed(carrier: Carrier, failure: UpstreamFailure): void {
    const route = this.#routeOf(carrier);
    // A probe that is answered with "less" has found that the upstream is there.
    if (TREATMENT[failure.cause] === 'slow-down' && route.health.state === 'probing') this.#up(route);
    this.#treat(route, failure);
  }

  /**
   * The attempt ended for a local reason, which says nothing about the upstream: if it was down, the next message
   * probes it.
   */
  endedHere(carrier: Carrier): void {
    const route = this.#routeOf(carrier);
    if (route.health.state === 'probing') route.health = { ...route.health, state: 'down', probeAt: this.#clock.now() };
  }

  /** Lets those that are down be tried now: all, or those that wait for the board's date. */
  tryNow(which: 'all' | 'clock'): void {
    for (const route of this.#routes)
      if (route.health.state === 'down' && (which === 'all' || isForClock(route)))
        route.health = { ...route.health, probeAt: this.#clock.now() };
  }

  /** Whether one is down that may be up once the board's date is right. */
  get waitsForClock(): boolean {
    return this.#routes.some((route) => route.health.state === 'down' && isForClock(route));
  }

  /** All of them in order of preference, for people. */
  status(): readonly UpstreamStatus[] {
    return this.#routes.map((route) => this.#statusOf(route));
  }

  #routeOf(carrier: Carrier): Route {
    const route = this.#routes.find((one) => one.carrier === carrier);
    if (route === undefined) throw new Error(`${carrier.name} is none of the upstreams`);
    return route;
  }

  /** The upstream is reachable. */
  #up(route: Route): void {
    const before = route.health;
    route.health = UP;
    if (before.state === 'up') return;
    this.#tell('upstreamUp', { upstream: route.carrier.name, downSeconds: Math.round((this.#clock.now() - before.since) / 1000) });
  }

  /** Does to the upstream what a failure of this cause does. */
  #treat(route: Route, failure: UpstreamFailure): void {
    const treatment = TREATMENT[failure.cause];
    if (treatment === 'slow-down') this.#slow(route, failure);
    else this.#down(route, failure, treatment);
  }

  #slow(route: Route, failure: Failure): void {
    const now = this.#clock.now();
    route.slowedBy = failure;
    route.pace.slowDown(now);
    this.#tell('upstreamSlowed', { upstream: route.carrier.name, failure, retryInSeconds: this.#secondsUntil(route.pace.opensAt(now)) });
  }

  #down(route: Route, failure: Failure, probe: Range): void {
    const before = route.health;
    const after = afterFailure(before, { failure, probe, now: this.#clock.now(), random: this.#random });
    route.health = after;
    if (after === before) return;
    const isRepeated = before.state !== 'up' && describeFailure(before.failure) === describeFailure(failure);
    const retryInSeconds = this.#secondsUntil(after.probeAt);
    this.#tell('upstreamDown', { upstream: route.carrier.name, failure, retryInSeconds, isRepeated });
  }

  #statusOf({ carrier, health, pace, slowedBy }: Route): UpstreamStatus {
    const { name, senders } = carrier;
    const which = senders === undefined ? { name } : { name, senders };
    if (health.state === 'up') {
      if (!pace.isSlowed || slowedBy === undefined) return { ...which, state: 'up' };
      return { ...which, state: 'slowed', ...worded(slowedBy), retryInSeconds: this.#secondsUntil(pace.opensAt(this.#clock.now())) };
    }
    const downSeconds = Math.round((this.#clock.now() - health.since) / 1000);
    const retry = health.state === 'down' ? { retryInSeconds: this.#secondsUntil(health.probeAt) } : {};
    return { ...which, state: health.state, ...worded(health.failure), downSeconds, ...retry };
  }

  #secondsUntil(at: Monotonic): number {
    return Math.max(0, Math.round((at - this.#clock.now()) / 1000));
  }
}

/** When the upstream may be sent a message; undefined while that depends on the end of a probe. */
function opening({ health, pace }: Route, now: Monotonic): Monotonic | undefined {
  const healthy = opensAt(health);
  if (healthy === 'unknown') return undefined;
  const paced = pace.opensAt(now);
  return healthy === 'now' || healthy < paced ? paced : healthy;
}

const isForClock = ({ health }: Route): boolean => health.state !== 'up' && health.failure.cause === 'clock';

function worded(failure: Failure): { readonly problem: string; readonly advice?: string } {
  return { problem: describeFailure(failure), ...(failure.advice === undefined ? {} : { advice: failure.advice }) };
}
