// Which upstream takes the next message. The health and the pace of each are in tests of their own.

import { describe, expect, test } from 'vitest';
import type { Carrier } from '../../src/delivery/queue.ts';
import { Routes } from '../../src/delivery/routes.ts';
import type { Outcome, UpstreamFailure } from '../../src/vocabulary/attempt.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { delivered, refusal, upstreamFailure } from '../support/fakes/delivery.ts';
import { collectNews } from '../support/fakes/news.ts';
import { seededRandom } from '../support/fakes/random.ts';

const carrier = (name: string): Carrier => ({ name, send: () => Promise.reject(new Error('nothing is sent here')) });

function setUp() {
  const clock = fakeClock();
  const news = collectNews();
  const [first, second] = [carrier('first'), carrier('second')];
  const routes = new Routes({ carriers: [first, second], rate: undefined, clock, random: seededRandom(1), tell: news.tell });
  const take = () => routes.take(clock.now())?.name;
  const opensIn = () => (routes.opensAt(clock.now()) ?? Number.NaN) - clock.now();
  return { clock, news, first, second, routes, take, opensIn };
}

const A = 'A' as QueueId;
const B = 'B' as QueueId;
const throttled: Outcome = { outcome: 'deferred', failure: refusal(451, { cause: 'throttled' }) };
const unknown = (code: number, text = 'x'): Outcome => ({
  outcome: 'deferred',
  failure: refusal(code, { cause: 'unknown', reply: { code, lines: [text] } }),
});

test('the first as long as it is up', () => {
  const { routes, first, take } = setUp();
  for (let count = 0; count < 3; count++) {
    expect(take()).toBe('first');
    routes.answered(first, A, [delivered]);
  }
});

test('the second while the first is down; one message probes the first', async () => {
  const { clock, routes, first, second, take, news } = setUp();
  routes.failed(first, A, upstreamFailure());
  expect(take()).toBe('second');
  routes.answered(second, A, [delivered]);
  await clock.advance(5_000);
  expect([take(), take()]).toEqual(['first', 'second']);
  routes.answered(first, A, [delivered]);
  expect(take()).toBe('first');
  expect(news.of('upstreamUp')).toEqual([{ upstream: 'first', downSeconds: 5 }]);
});

test('none while both are down, and the time of the next probe is known unless both are probed', async () => {
  const { clock, routes, first, second, take, opensIn } = setUp();
  for (const one of [first, second]) routes.failed(one, A, upstreamFailure());
  expect(take()).toBeUndefined();
  expect(opensIn()).toBeGreaterThan(0);
  expect(opensIn()).toBeLessThanOrEqual(5_000);
  await clock.advance(5_000);
  expect([take(), take()]).toEqual(['first', 'second']);
  expect(opensIn()).toBeNaN();
});

describe('what a failure does', () => {
  test.each<[UpstreamFailure['cause'], string, string]>([
    ['plain', 'upstreamDown', 'down'],
    ['clock', 'upstreamDown', 'down'],
    ['login-refused', 'upstreamDown', 'down'],
    ['throttled', 'upstreamSlowed', 'slowed'],
    ['quota', 'upstreamSlowed', 'slowed'],
  ])('%s: %s', (cause, event, state) => {
    const { routes, first, news } = setUp();
    routes.failed(first, A, upstreamFailure('auth', cause));
    expect(news.all.map((one) => one.event)).toEqual([event]);
    expect(routes.status()[0]).toMatchObject({ name: 'first', state, problem: 'unreachable' });
  });

  test('a refusal of the account among the answers slows down; what goes through speeds up', async () => {
    const { clock, routes, first, take } = setUp();
    routes.answered(first, A, [throttled]);
    expect(take()).toBe('second');
    expect(routes.status()[0]).toEqual({ name: 'first', state: 'slowed', problem: '451 x', retryInSeconds: 15 });
    await clock.advance(15_000);
    for (let count = 0; count < 4; count++) routes.answered(first, A, [delivered]);
    expect(routes.status()[0]).toEqual({ name: 'first', state: 'up' });
  });

  test('a probe that is answered with "less" has found the upstream', async () => {
    const { clock, routes, first, take } = setUp();
    routes.failed(first, A, upstreamFailure());
    await clock.advance(5_000);
    expect(take()).toBe('first');
    routes.failed(first, A, upstreamFailure('mail', 'throttled'));
    expect(routes.status()[0]).toMatchObject({ state: 'slowed' });
  });

  test('the same refusal for good of different messages makes it unavailable, until one is taken', async () => {
    const { clock, routes, first } = setUp();
    expect(routes.answered(first, A, [unknown(554)])).toMatchObject({ isOfUpstream: false });
    expect(routes.status()[0]).toMatchObject({ state: 'up' });
    expect(routes.answered(first, B, [unknown(554)])).toMatchObject({ isOfUpstream: true });
    expect(routes.status()[0]).toMatchObject({ state: 'down', problem: '554 x' });
    await clock.advance(120_000);
    routes.answered(first, A, [delivered]);
    expect(routes.answered(first, B, [unknown(554)])).toMatchObject({ isOfUpstream: false });
    expect(routes.status()[0]).toMatchObject({ state: 'up' });
  });

  test('the same refusal for now of different messages slows it down', () => {
    const { routes, first } = setUp();
    routes.answered(first, A, [unknown(451)]);
    routes.answered(first, B, [unknown(451)]);
    expect(routes.status()[0]).toMatchObject({ state: 'slowed' });
  });

  test('a recipient that is refused in known words is a sign of life', () => {
    const { routes, first } = setUp();
    for (const id of [A, B]) routes.answered(first, id, [{ outcome: 'deferred', failure: refusal(450) }]);
    expect(routes.status()[0]).toMatchObject({ state: 'up' });
  });

  test('an upstream that has answered nothing yet is not called up', () => {
    const { routes } = setUp();
    expect(routes.status()[0]).toEqual({ name: 'first', state: 'untried' });
  });

  test('a network that is away between two logins does not bring the second one nearer', () => {
    const { routes, first, take } = setUp();
    const failing = (failure: UpstreamFailure) => {
      routes.tryNow('all');
      expect(take()).toBe('first');
      routes.failed(first, A, failure);
    };
    for (let count = 0; count < 7; count++) failing(upstreamFailure('auth', 'login'));
    failing(upstreamFailure('connect'));
    expect(routes.status()[0]?.retryInSeconds).toBeGreaterThanOrEqual(900);
  });

  test('the same failure again is marked as repeated, another one is not', async () => {
    const { clock, routes, first, take, news } = setUp();
    for (const problem of ['one', 'one', 'another']) {
      take();
      routes.failed(first, A, upstreamFailure('connect', 'plain', problem));
      await clock.advance(120_000);
    }
    expect(news.of('upstreamDown').map(({ isRepeated }) => isRepeated)).toEqual([false, true, false]);
  });
});

test('an attempt that ended for a local reason leaves the upstream to be probed at once', async () => {
  const { clock, routes, first, take } = setUp();
  routes.failed(first, A, upstreamFailure());
  await clock.advance(5_000);
  expect(take()).toBe('first');
  routes.endedHere(first);
  expect(take()).toBe('first');
});

describe('tried now', () => {
  test('all', () => {
    const { routes, first, take } = setUp();
    routes.failed(first, A, upstreamFailure('auth', 'login-refused'));
    expect(take()).toBe('second');
    routes.tryNow('all');
    expect(take()).toBe('first');
  });

  test('those that wait for the date alone', () => {
    const { routes, first, second, take } = setUp();
    routes.failed(first, A, upstreamFailure());
    expect(routes.waitsForClock).toBe(false);
    routes.failed(second, A, upstreamFailure('tls', 'clock'));
    expect(routes.waitsForClock).toBe(true);
    routes.tryNow('clock');
    expect([take(), take()]).toEqual(['second', undefined]);
  });
});
