// The upstreams in order of preference, each with its health and its pace: which one takes the next
// message, and when there will be one. No timer of its own.

import { type Clock, later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { describeFailure, type Failure, isTransactionStage, type Outcome, type UpstreamFailure } from '../vocabulary/attempt.ts';
import { isOfPace } from '../vocabulary/cause.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { Rate } from '../vocabulary/rate.ts';
import type { UpstreamStatus } from '../vocabulary/upstream-status.ts';
import { backOff } from './backoff.ts';
import { Evidence } from './evidence.ts';
import { afterFailure, type Health, opensAt, PROBE, UP, whileSending } from './health.ts';
import { type LoginFailure, LoginPace } from './login-pace.ts';
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

type Route = {
  readonly carrier: Carrier;
  health: Health;
  readonly pace: Pace;
  readonly logins: LoginPace;
  readonly evidence: Evidence;
  /** The last failure that slowed it down. */
  slowedBy: Failure | undefined;
  hasAnswered: boolean;
};

/** What an attempt has shown of its upstream. */
export type Shown = {
  /** Whether any message would have met the same: this one waits for the upstream, not by itself. */
  readonly isOfUpstream: boolean;
  /** Whether another message has met the same since one was taken. */
  readonly isShared: boolean;
  /** How many messages the upstream has taken so far. */
  readonly taken: number;
};

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
    this.#routes = carriers.map((carrier) => ({
      carrier,
      health: UP,
      pace: new Pace(rate, clock.now()),
      logins: new LoginPace(random),
      evidence: new Evidence(),
      slowedBy: undefined,
      hasAnswered: false,
    }));
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

  /** The upstream answered for this message, one outcome a recipient. */
  answered(carrier: Carrier, id: QueueId, outcomes: readonly Outcome[]): Shown {
    const route = this.#routeOf(carrier);
    const { evidence, pace, logins } = route;
    logins.worked();
    route.hasAnswered = true;
    const isTaken = outcomes.some(({ outcome }) => outcome === 'delivered');
    if (isTaken) evidence.take();
    const failures = outcomes.flatMap((one) => (one.outcome === 'delivered' ? [] : [one.failure]));
    const less = failures.find(({ cause }) => isOfPace(cause));
    const telling = less ?? failures.find(({ cause }) => cause === 'unknown' || cause === 'extension');
    const isShared = telling !== undefined && !isTaken && evidence.isShared(id, telling);
    const isOfUpstream = less !== undefined || isShared;
    // What all messages are refused for, for good as it says, makes the upstream unavailable.
    if (telling !== undefined && isOfUpstream && less === undefined && telling.reply.code >= 500) this.#down(route, telling);
    else {
      this.#up(route);
      if (telling !== undefined && isOfUpstream) this.#slow(route, telling);
      else if (telling === undefined || isTaken) pace.speedUp(this.#clock.now());
    }
    return { isOfUpstream, isShared, taken: evidence.taken };
  }

  /** The attempt said nothing about its message. */
  failed(carrier: Carrier, id: QueueId, failure: UpstreamFailure): Shown {
    const route = this.#routeOf(carrier);
    const { cause, stage } = failure;
    if (isTransactionStage(stage)) route.logins.worked();
    if (isOfPace(cause) || cause === 'single') {
      // A probe that is answered with "less" has found that the upstream is there.
      if (route.health.state === 'probing') this.#up(route);
      this.#slow(route, failure);
    } else this.#down(route, failure);
    return { isOfUpstream: true, isShared: route.evidence.isShared(id, failure), taken: route.evidence.taken };
  }

  /**
   * The attempt ended for a local reason, which says nothing about the upstream: if it was down, the next message
   * probes it.
   */
  endedHere(carrier: Carrier): void {
    const route = this.#routeOf(carrier);
    if (route.health.state === 'probing')
      route.health = { ...route.health, state: 'down', probeAt: this.#notBefore(route, this.#clock.now()) };
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

  /** Why no message can be sent just now, on one line; undefined when one can. */
  obstacle(now: Monotonic, among?: readonly Carrier[]): string | undefined {
    if ((this.opensAt(now, among) ?? Number.POSITIVE_INFINITY) <= now) return undefined;
    const first = this.#routes.find(({ carrier }) => among?.includes(carrier) !== false);
    if (first === undefined) return undefined;
    const failure = first.health.state === 'up' ? first.slowedBy : first.health.failure;
    return failure === undefined ? undefined : `${first.carrier.name}: ${describeFailure(failure)}`;
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

  #slow(route: Route, failure: Failure): void {
    const now = this.#clock.now();
    route.slowedBy = failure;
    route.hasAnswered = true;
    const isKnown = isOfPace(failure.cause) || failure.cause === 'single';
    route.pace.slowDown(now, failure.cause === 'quota' ? 'least' : isKnown ? 'less' : 'perhaps');
    this.#tell('upstreamSlowed', { upstream: route.carrier.name, failure, retryInSeconds: this.#secondsUntil(route.pace.opensAt(now)) });
  }

  #down(route: Route, failure: Failure): void {
    const now = this.#clock.now();
    const before = route.health;
    const login = LOGINS[failure.cause];
    // One that is down already was found so by an attempt that was under way together with this one.
    if (login !== undefined && before.state !== 'down') route.logins.failed(login, now);
    const after = afterFailure(before, failure, now, (failures) => {
      const spared = login === undefined ? undefined : route.logins.opensAt;
      return spared ?? this.#notBefore(route, later(now, backOff(failures, PROBE, this.#random)));
    });
    route.health = after;
    if (after === before) return;
    const isRepeated = before.state !== 'up' && describeFailure(before.failure) === describeFailure(failure);
    const retryInSeconds = this.#secondsUntil(after.probeAt);
    this.#tell('upstreamDown', { upstream: route.carrier.name, failure, retryInSeconds, isRepeated });
  }

  /** The time, or a later one at which a password may be sent. */
  #notBefore({ logins: { opensAt } }: Route, at: Monotonic): Monotonic {
    return opensAt === undefined || opensAt < at ? at : opensAt;
  }

  #statusOf({ carrier, health, pace, slowedBy, hasAnswered }: Route): UpstreamStatus {
    const { name, senders } = carrier;
    const which = senders === undefined ? { name } : { name, senders };
    if (health.state === 'up') {
      if (!hasAnswered) return { ...which, state: 'untried' };
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

// What is said to a password, as far as the next one waits for it.
const LOGINS: Readonly<Partial<Record<Failure['cause'], LoginFailure>>> = {
  login: 'unanswered',
  mechanism: 'unanswered',
  'login-refused': 'refused',
  'authorization-lost': 'refused',
};

const isForClock = ({ health }: Route): boolean => health.state !== 'up' && health.failure.cause === 'clock';

function worded(failure: Failure): { readonly problem: string; readonly advice?: string } {
  return { problem: describeFailure(failure), ...(failure.advice === undefined ? {} : { advice: failure.advice }) };
}
