// Which upstream takes the next message. The health and the pace of each are in tests of their own.

import { describe, expect, test } from 'vitest';
import type { Carrier } from '../../src/delivery/queue.ts';
import { Routes } from '../../src/delivery/routes.ts';
import type { UpstreamFailure } from '../../src/vocabulary/attempt.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { refusal, upstreamFailure } from '../support/fakes/delivery.ts';
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

const throttled = refusal(451, { cause: 'throttled' });

test('the first as long as it is up', () => {
  const { routes, first, take } = setUp();
  for (let count = 0; count < 3; count++) {
    expect(take()).toBe('first');
    routes.answered(first, undefined);
  }
});

test('the second while the first is down; one message probes the first', async () => {
  const { clock, routes, first, second, take, news } = setUp();
  routes.failed(first, upstreamFailure());
  expect(take()).toBe('second');
  routes.answered(second, undefined);
  await clock.advance(5_000);
  expect([take(), take()]).toEqual(['first', 'second']);
  routes.answered(first, undefined);
  expect(take()).toBe('first');
  expect(news.of('upstreamUp')).toEqual([{ upstream: 'first', downSeconds: 5 }]);
});

test('none while both are down, and the time of the next probe is known unless both are probed', async () => {
  const { clock, routes, first, second, take, opensIn } = setUp();
  for (const one of [first, second]) routes.failed(one, upstreamFailure());
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
    routes.failed(first, upstreamFailure('auth', cause));
    expect(news.all.map((one) => one.event)).toEqual([event]);
    expect(routes.status()[0]).toMatchObject({ name: 'first', state, problem: 'unreachable' });
  });

  test('a refusal of the account among the answers slows down; what goes through speeds up', async () => {
    const { clock, routes, first, take } = setUp();
    routes.answered(first, throttled);
    expect(take()).toBe('second');
    expect(routes.status()[0]).toEqual({ name: 'first', state: 'slowed', problem: '451 x', retryInSeconds: 15 });
    await clock.advance(15_000);
    for (let count = 0; count < 4; count++) routes.answered(first, undefined);
    expect(routes.status()[0]).toEqual({ name: 'first', state: 'up' });
  });

  test('a probe that is answered with "less" has found the upstream', async () => {
    const { clock, routes, first, take } = setUp();
    routes.failed(first, upstreamFailure());
    await clock.advance(5_000);
    expect(take()).toBe('first');
    routes.failed(first, upstreamFailure('mail', 'throttled'));
    expect(routes.status()[0]).toMatchObject({ state: 'slowed' });
  });

  test('the same failure again is marked as repeated, another one is not', async () => {
    const { clock, routes, first, take, news } = setUp();
    for (const problem of ['one', 'one', 'another']) {
      take();
      routes.failed(first, upstreamFailure('connect', 'plain', problem));
      await clock.advance(120_000);
    }
    expect(news.of('upstreamDown').map(({ isRepeated }) => isRepeated)).toEqual([false, true, false]);
  });
});

test('an attempt that ended for a local reason leaves the upstream to be probed at once', async () => {
  const { clock, routes, first, take } = setUp();
  routes.failed(first, upstreamFailure());
  await clock.advance(5_000);
  expect(take()).toBe('first');
  routes.endedHere(first);
  expect(take()).toBe('first');
});

describe('tried now', () => {
  test('all', () => {
    const { routes, first, take } = setUp();
    routes.failed(first, upstreamFailure('auth', 'login-refused'));
    expect(take()).toBe('second');
    routes.tryNow('all');
    expect(take()).toBe('first');
  });

  test('those that wait for the date alone', () => {
    const { routes, first, second, take } = setUp();
    routes.failed(first, upstreamFailure());
    expect(routes.waitsForClock).toBe(false);
    routes.failed(second, upstreamFailure('tls', 'clock'));
    expect(routes.waitsForClock).toBe(true);
    routes.tryNow('clock');
    expect([take(), take()]).toEqual(['second', undefined]);
  });
});
