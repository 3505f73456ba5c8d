// The delivery loop as a whole: what is sent when, and what becomes of it.

import { describe, expect, test } from 'vitest';
import type { Attempt, MessageFailure, Outcome } from '../../src/vocabulary/attempt.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { START_OF_TIME } from '../support/fakes/clock.ts';
import {
  answered,
  bounced,
  deferred,
  delivered,
  queued,
  refusal,
  startDelivery,
  throttled,
  unavailable,
} from '../support/fakes/delivery.ts';

test('delivers, removes, logs', async () => {
  const { clock, news, messages, offer } = startDelivery(() => answered(delivered));
  offer('A');
  await clock.advance(0);
  expect(messages.size).toBe(0);
  expect(news.all.map(({ event }) => event)).toEqual(['delivered', 'removed']);
  expect(clock.nextTimer()).toBeUndefined(); // an idle relay wakes for nothing
});

test('a deferred message backs off by itself, others go on', async () => {
  const { clock, sent, offer, queue } = startDelivery((id) => answered(id === 'A' ? deferred : delivered));
  offer('A');
  offer('B');
  await clock.advance(0);
  expect(sent.map(({ id }) => id)).toEqual(['A', 'B']);
  expect(queue.records).toEqual([{ id: 'A', settled: [], attempts: 1, warned: false }]);
  await clock.advance(29_000);
  expect(sent).toHaveLength(2);
  await clock.advance(24 * 3_600_000 - 30_000);
  const waits = sent.filter(({ id }) => id === 'A').map(({ at }, index, all) => at - (all[index - 1]?.at ?? at));
  expect(waits.length).toBeGreaterThan(40);
  expect(Math.max(...waits)).toBeLessThanOrEqual(1_800_000);
  expect(Math.max(...waits)).toBeGreaterThan(900_000);
});

test('each recipient on its own: only the rest is tried again', async () => {
  const { clock, sent, offer, news } = startDelivery(
    (_id, count) => (count === 1 ? answered(delivered, deferred, bounced) : answered(delivered)),
    {
      recipients: ['a', 'b', 'c'],
    },
  );
  offer('A');
  await clock.advance(1_800_000);
  expect(sent.map(({ to }) => to)).toEqual([['a', 'b', 'c'], ['b']]);
  expect(news.of('delivered').map(({ recipient: to }) => to.localPart)).toEqual(['a', 'b']);
  expect(news.of('bounced').map(({ recipient: to }) => to.localPart)).toEqual(['c']);
});

test('a deferred message expires', async () => {
  const { clock, messages, offer, news } = startDelivery(() => answered(deferred));
  offer('A');
  await clock.advance(86_400_000 + 1_800_000);
  expect(messages.size).toBe(0);
  expect(news.of('expired')).toMatchObject([{ id: 'A', hours: 24 }]);
});

describe('an upstream that is unavailable', () => {
  test('is probed with one message, ever more seldom, and no message is blamed', async () => {
    const { clock, sent, offer, queue, news } = startDelivery(() => unavailable(), { settings: { connections: 3 } });
    for (let at = 0; at < 10; at++) offer(`M${at}`, `device${at}`);
    await clock.advance(3_600_000);
    const times = [...new Set(sent.map(({ at }) => at))];
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(120_000);
    expect(sent.filter(({ at }) => at === times[5])).toHaveLength(1);
    expect(sent.length).toBeGreaterThan(30);
    expect(sent.length).toBeLessThan(200);
    expect(queue.records).toEqual([]);
    expect(news.of('expired')).toEqual([]);
  });

  test('is logged at length once, and again when it is another trouble', async () => {
    let trouble: Attempt = unavailable();
    const { clock, offer, news } = startDelivery(() => trouble);
    offer('A');
    await clock.advance(3_600_000);
    const logged = news.of('upstreamDown').map(({ isRepeated }) => isRepeated);
    expect(logged.length).toBeGreaterThan(10);
    expect(logged.filter((isRepeated) => !isRepeated)).toHaveLength(1);
    trouble = unavailable('tls', 'plain', 'another');
    await clock.advance(600_000);
    expect(news.of('upstreamDown').filter(({ isRepeated }) => !isRepeated)).toHaveLength(2);
  });

  test('the queue drains at once when it is back', async () => {
    let isUp = false;
    const { clock, messages, offer, news } = startDelivery(() => (isUp ? answered(delivered) : unavailable()));
    for (let at = 0; at < 20; at++) offer(`M${at}`);
    await clock.advance(3_600_000);
    isUp = true;
    await clock.advance(120_000);
    expect(messages.size).toBe(0);
    expect(news.of('upstreamUp')).toMatchObject([{ upstream: 'up' }]);
  });

  test('a refused login is tried seldom: it must not lock the account', async () => {
    const { clock, sent, offer } = startDelivery(() => unavailable('auth', 'login-refused'));
    for (let at = 0; at < 20; at++) offer(`M${at}`);
    await clock.advance(24 * 3_600_000);
    expect(sent.length).toBeLessThan(25);
  });

  test('runNow tries again at once', async () => {
    let isUp = false;
    const { clock, messages, offer, scheduler } = startDelivery(() => (isUp ? answered(delivered) : unavailable('auth', 'login-refused')));
    offer('A');
    await clock.advance(60_000);
    isUp = true;
    scheduler.runNow();
    await clock.advance(0);
    expect(messages.size).toBe(0);
  });

  test('the second upstream is used while the first is down, and the first again when it is back', async () => {
    let isUp = false;
    const { clock, sent, offer } = startDelivery(
      (_id, _count, carrier) => (carrier === 'first' && !isUp ? unavailable() : answered(delivered)),
      {
        carriers: ['first', 'second'],
      },
    );
    offer('A');
    await clock.advance(0);
    expect(sent.map(({ carrier }) => carrier)).toEqual(['first', 'second']);
    isUp = true;
    await clock.advance(120_000);
    offer('B');
    await clock.advance(0);
    expect(sent.at(-1)?.carrier).toBe('first');
  });

  test('one message that kills the connection does not block the others', async () => {
    const { clock, messages, offer } = startDelivery((id) => (id === 'poison' ? unavailable('body') : answered(delivered)));
    offer('poison');
    for (let at = 0; at < 5; at++) offer(`M${at}`);
    await clock.advance(600_000);
    expect([...messages.keys()]).toEqual(['poison']);
  });
});

describe('a provider that wants less', () => {
  const wantsLess = (cause: MessageFailure['cause']): Outcome => ({
    outcome: 'deferred',
    failure: refusal(451, { stage: 'mail', cause }),
  });

  test.each<MessageFailure['cause']>(['throttled', 'quota'])('%s slows the upstream down, and blames no message', async (cause) => {
    let isBusy = true;
    const { clock, sent, offer, news, queue } = startDelivery(() => (isBusy ? answered(wantsLess(cause)) : answered(delivered)), {
      settings: { connections: 3 },
    });
    for (let at = 0; at < 50; at++) offer(`M${at}`, `device${at}`);
    await clock.advance(10_000);
    expect(sent.length).toBeLessThanOrEqual(3); // those that were under way when the provider asked for less
    expect(news.of('upstreamSlowed')[0]).toMatchObject({ retryInSeconds: cause === 'quota' ? 900 : 15 });
    expect(news.of('upstreamDown')).toEqual([]);
    await clock.advance(3_600_000);
    expect(sent.length).toBeLessThan(20); // an hour of refusals costs no more than that
    expect(queue.records.every(({ attempts }) => attempts <= 1)).toBe(true);
    isBusy = false;
    await clock.advance(3_600_000);
    expect(news.of('delivered')).toHaveLength(50);
  });

  test('speeds up again step by step', async () => {
    let count = 0;
    const { clock, sent, offer } = startDelivery(() => (count++ === 0 ? answered(throttled) : answered(delivered)));
    for (let at = 0; at < 20; at++) offer(`M${at}`);
    await clock.advance(120_000);
    const gaps = sent.slice(1).map(({ at }, index) => at - (sent[index]?.at ?? 0));
    expect(gaps[0]).toBe(15_000);
    expect(gaps.slice(0, 6)).toEqual([...gaps.slice(0, 6)].sort((one, other) => other - one));
    expect(gaps.at(-1)).toBe(0);
    expect(sent).toHaveLength(21);
  });

  test('one message that is always throttled does not hold up the others', async () => {
    const { clock, messages, offer } = startDelivery((id) => (id === 'grey' ? answered(throttled) : answered(delivered)));
    offer('grey');
    for (let at = 0; at < 20; at++) offer(`M${at}`);
    await clock.advance(600_000);
    expect([...messages.keys()]).toEqual(['grey']);
    await clock.advance(2 * 86_400_000);
    expect(messages.size).toBe(0); // and expires like any other
  });

  test('at the login, it is no refusal of the login', async () => {
    const { clock, sent, offer, scheduler } = startDelivery(() => unavailable('auth', 'throttled', 'x'));
    offer('A');
    await clock.advance(20_000);
    expect(sent).toHaveLength(2);
    expect(scheduler.status()).toMatchObject([{ state: 'slowed', problem: 'x' }]);
  });

  test('the second upstream takes over meanwhile', async () => {
    const { clock, sent, offer } = startDelivery((_id, _at, carrier) => (carrier === 'first' ? answered(throttled) : answered(delivered)), {
      carriers: ['first', 'second'],
    });
    offer('A');
    offer('B');
    await clock.advance(1_000);
    expect(sent.map(({ carrier }) => carrier)).toEqual(['first', 'second', 'second']);
  });
});

test('UPSTREAM_RATE is kept, over any stretch of its length', async () => {
  const { clock, sent, offer } = startDelivery(() => answered(delivered), {
    settings: { connections: 5, rate: { count: 6, per: 60_000 } },
  });
  for (let at = 0; at < 60; at++) offer(`M${at}`);
  await clock.advance(600_000);
  expect(sent.length).toBeGreaterThanOrEqual(60);
  for (const { at } of sent) expect(sent.filter((other) => other.at >= at + 1 && other.at <= at + 60_000).length).toBeLessThanOrEqual(7);
  expect(sent.filter(({ at }) => at === sent[0]?.at)).toHaveLength(6);
  expect(clock.nextTimer()).toBeUndefined();
});

test('a device that asks for deliveries makes messages due, but overrides no back-off of an upstream', async () => {
  const { clock, offer, sent, scheduler } = startDelivery(() => unavailable('auth', 'login-refused'));
  offer('A');
  await clock.advance(0);
  expect(sent).toHaveLength(1);
  for (let count = 0; count < 100; count++) {
    scheduler.hurry();
    await clock.advance(100);
  }
  expect(sent).toHaveLength(1);
  scheduler.runNow();
  await clock.advance(0);
  expect(sent).toHaveLength(2);
});

test('a device that asks for deliveries has deferred messages tried', async () => {
  const { clock, offer, sent, scheduler } = startDelivery(() => answered(deferred));
  offer('A');
  await clock.advance(0);
  scheduler.hurry();
  await clock.advance(0);
  expect(sent).toHaveLength(2);
});

describe('by hand', () => {
  test('hold stops what would begin, release goes on', async () => {
    const { clock, sent, offer, scheduler } = startDelivery(() => answered(delivered));
    scheduler.hold();
    offer('A');
    await clock.advance(3_600_000);
    expect(sent).toEqual([]);
    expect(scheduler.isHeld).toBe(true);
    scheduler.release();
    await clock.advance(0);
    expect(sent).toHaveLength(1);
  });

  test('list, retry one, drop one', async () => {
    let answer: Attempt = answered(deferred);
    const { clock, sent, offer, scheduler, messages, news } = startDelivery(() => answer);
    for (const id of ['A', 'B', 'C']) offer(id);
    await clock.advance(1_000);
    expect([...scheduler.list()].map(({ id, state, attempts, problem }) => [id, state, attempts, problem]).sort()).toEqual([
      ['A', 'deferred', 1, '450 x'],
      ['B', 'deferred', 1, '450 x'],
      ['C', 'deferred', 1, '450 x'],
    ]);
    answer = answered(delivered);
    scheduler.runNow(new Set(['B' as QueueId]));
    await clock.advance(0);
    expect([...messages.keys()]).toEqual(['A', 'C']);
    expect(scheduler.drop(['C', 'Z'] as QueueId[]).map(({ result }) => result)).toEqual(['dropped', 'unknown']);
    expect(news.of('dropped')).toEqual([{ id: 'C' }]);
    expect([...messages.keys()]).toEqual(['A']);
    await clock.advance(3_600_000);
    expect(sent.filter(({ id }) => id === 'A')).toHaveLength(2);
    expect([...scheduler.list()]).toEqual([]);
    expect(clock.nextTimer()).toBeUndefined();
  });

  test('what is on its way is not dropped', async () => {
    let finish: (attempt: Attempt) => void = () => {};
    const { clock, offer, scheduler } = startDelivery(() => new Promise((resolve) => (finish = resolve)));
    offer('A');
    await clock.advance(0);
    expect(scheduler.drop(['A' as QueueId])).toEqual([{ id: 'A', result: 'sending' }]);
    expect(scheduler.find('A' as QueueId)).toMatchObject({ state: 'sending' });
    finish(answered(delivered));
    await clock.advance(0);
    expect(scheduler.find('A' as QueueId)).toBeUndefined();
  });
});

describe('the clock', () => {
  const notYetValid = unavailable('tls', 'clock', 'not yet valid');

  test('boot in 1970: deliveries wait for the date, go at once when it is set, and nothing expires', async () => {
    const { clock, offer, messages, news, scheduler } = startDelivery(() =>
      clock.wall() < START_OF_TIME ? notYetValid : answered(delivered),
    );
    clock.setWall(60_000);
    for (let at = 0; at < 20; at++) offer(`M${at}`);
    await clock.advance(6 * 3_600_000);
    expect(messages.size).toBe(20);
    expect(scheduler.status()).toMatchObject([{ state: 'down', problem: 'not yet valid' }]);
    clock.setWall(START_OF_TIME);
    await clock.advance(3_000);
    expect(messages.size).toBe(0);
    expect(news.of('expired')).toEqual([]);
    expect(clock.nextTimer()).toBeUndefined(); // and nothing is watched any more
  });

  test('the date jumps years ahead: nothing expires by that', async () => {
    let isUp = false;
    const { clock, offer, messages, news } = startDelivery(() => answered(isUp ? delivered : deferred));
    offer('A');
    await clock.advance(60_000);
    clock.setWall(START_OF_TIME + 20 * 365 * 86_400_000);
    await clock.advance(3_600_000);
    expect(messages.size).toBe(1);
    isUp = true;
    await clock.advance(1_800_000);
    expect(news.of('expired')).toEqual([]);
    expect(messages.size).toBe(0);
  });

  test('a date that is only slewed is no jump', async () => {
    const { clock, sent, offer } = startDelivery(() => notYetValid);
    offer('A');
    await clock.advance(600_000);
    const before = sent.length;
    clock.setWall(clock.wall() + 3_000);
    await clock.advance(3_000);
    expect(sent.length - before).toBeLessThanOrEqual(1);
  });
});

test('a message that always loses the connection expires in the end', async () => {
  const { clock, offer, messages, news, queue } = startDelivery(() => unavailable('body'));
  offer('A');
  await clock.advance(86_400_000 + 2 * 1_800_000);
  expect(messages.size).toBe(0);
  expect(news.of('expired')).toHaveLength(1);
  expect(queue.submitted).toHaveLength(1);
});

test('a message that the spool cannot give stays, and the others go on', async () => {
  const { clock, messages, offer, news, scheduler } = startDelivery(() => answered(delivered));
  scheduler.offer(queued('LOST', { arrived: clock.now() }));
  offer('A');
  await clock.advance(0);
  expect(messages.size).toBe(0);
  expect(news.of('fault')).toHaveLength(1);
});

test('stopping waits for what is under way, then cuts it', async () => {
  let finish: (attempt: Attempt) => void = () => {};
  const { clock, offer, scheduler, messages } = startDelivery(() => new Promise((resolve) => (finish = resolve)));
  offer('A');
  await clock.advance(0);
  const stopped = scheduler.stop(20_000);
  finish(answered(delivered));
  await stopped;
  expect(messages.size).toBe(0);
});
