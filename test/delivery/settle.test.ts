// What becomes of a message after an attempt, one attempt at a time.

import { describe, expect, test } from 'vitest';
import { Notifier } from '../../src/delivery/notify.ts';
import { Routes } from '../../src/delivery/routes.ts';
import type { PendingMessage } from '../../src/delivery/schedule.ts';
import { Settlement, type SettleSettings } from '../../src/delivery/settle.ts';
import type { Attempt } from '../../src/vocabulary/attempt.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import {
  answered,
  bounced,
  deferred,
  delivered,
  envelopeTo,
  MemoryQueue,
  queued,
  recipient,
  refusal,
  SETTINGS,
  throttled,
  unavailable,
} from '../support/fakes/delivery.ts';
import { collectNews } from '../support/fakes/news.ts';
import { seededRandom } from '../support/fakes/random.ts';

const RETRY = SETTINGS.retry;

function setUp({ recipients = ['a'], ...settings }: Partial<SettleSettings> & { readonly recipients?: readonly string[] } = {}) {
  const clock = fakeClock();
  const queue = new MemoryQueue();
  const news = collectNews();
  const random = seededRandom(1);
  const { tell } = news;
  const carrier = { name: 'up:587', send: () => Promise.reject(new Error('nothing is sent here')) };
  const routes = new Routes({ carriers: [carrier], rate: undefined, clock, random, tell });
  const notifier = new Notifier({ queue, wall: () => clock.wall(), clock, random, tell, settings: SETTINGS });
  const settlement = new Settlement({ queue, routes, notifier, clock, random, tell, settings: { ...SETTINGS, ...settings } });
  const [first = recipient('a'), ...rest] = recipients.map(recipient);
  const message: PendingMessage = { ...queued('A', { arrived: clock.now() }), setbacks: 0, problem: undefined };
  queue.put(message.id, envelopeTo(first, ...rest));
  const settle = async (attempt: Attempt, tried = message) => {
    const again = await settlement.settle({ message: tried, envelope: await queue.envelope(tried.id), carrier }, attempt);
    return again === 'gone' ? again : { message: again.message, wait: again.at - clock.now() };
  };
  /** The message after so many of these attempts; it must still wait. */
  const messageAfter = async (...attempts: Attempt[]): Promise<PendingMessage> => {
    let tried = message;
    for (const attempt of attempts) {
      const again = await settle(attempt, tried);
      if (again === 'gone') throw new Error('the message has gone');
      tried = again.message;
    }
    return tried;
  };
  return { clock, queue, news, routes, settle, messageAfter };
}

const events = ({ all }: ReturnType<typeof collectNews>) => all.map(({ event }) => event);

describe('settled', () => {
  test('delivered: logged and removed', async () => {
    const { news, queue, settle } = setUp();
    expect(await settle(answered(delivered))).toBe('gone');
    expect(events(news)).toEqual(['delivered', 'removed']);
    expect(queue.messages.size).toBe(0);
  });

  test('bounced: the notification is on the flash before the message goes', async () => {
    const { news, settle } = setUp();
    expect(await settle(answered(bounced))).toBe('gone');
    expect(events(news)).toEqual(['bounced', 'notified', 'removed']);
  });

  test('deferred and out of time: expired', async () => {
    const { clock, news, settle } = setUp();
    await clock.advance(SETTINGS.expireAfter);
    expect(await settle(answered(deferred))).toBe('gone');
    expect(events(news)).toEqual(['expired', 'notified', 'removed']);
  });
});

describe('deferred', () => {
  test('waits by itself, and knows why', async () => {
    const { queue, news, settle } = setUp({ recipients: ['a', 'b'] });
    const again = await settle(answered(delivered, deferred));
    expect(again).toMatchObject({ message: { attempts: 1, warned: false, setbacks: 0, problem: '450 x' } });
    if (again === 'gone') return;
    expect(again.wait).toBeGreaterThanOrEqual(RETRY.min / 2);
    expect(again.wait).toBeLessThanOrEqual(RETRY.min);
    expect(queue.records).toEqual([{ id: 'A', settled: ['a'], attempts: 1, warned: false }]);
    expect(events(news)).toEqual(['delivered', 'deferred']);
  });

  test('what is kept of a long reply is short', async () => {
    const { messageAfter } = setUp();
    const long: Attempt = answered({ outcome: 'deferred', failure: refusal(450, { reply: { code: 450, lines: ['x'.repeat(5_000)] } }) });
    expect((await messageAfter(long)).problem).toHaveLength(200);
  });

  test('its sender is notified of the delay once', async () => {
    const { clock, queue, messageAfter } = setUp({ warnAfter: 3_600_000 });
    await clock.advance(3_600_000);
    const warned = await messageAfter(answered(deferred), answered(deferred));
    expect(warned.warned).toBe(true);
    expect(queue.submitted).toHaveLength(1);
    expect(queue.submitted[0]?.text).toContain('Action: delayed\r\n');
  });
});

describe('a refusal of the account', () => {
  test('slows the upstream down; the message is tried as soon as that lets it', async () => {
    const { news, routes, clock, settle } = setUp();
    expect(await settle(answered(throttled))).toMatchObject({ wait: 0, message: { attempts: 0, setbacks: 1 } });
    expect(news.of('deferred')).toMatchObject([{ retryInSeconds: 15 }]);
    expect(routes.opensAt(clock.now())).toBe(clock.now() + 15_000);
  });

  test('a message that always meets it backs off', async () => {
    const { settle, messageAfter } = setUp();
    const again = await settle(answered(throttled), await messageAfter(answered(throttled)));
    expect(again).toMatchObject({ message: { attempts: 1, setbacks: 2 } });
    expect(again === 'gone' ? 0 : again.wait).toBeGreaterThanOrEqual(RETRY.min / 2);
  });

  test('any other answer in between clears the message of the suspicion', async () => {
    const { messageAfter } = setUp();
    expect(await messageAfter(answered(throttled), answered(deferred), answered(throttled))).toMatchObject({ setbacks: 1 });
  });
});

describe('no answer', () => {
  test.each(['connect', 'tls', 'auth'] as const)('at %s: the message is not to blame, however often', async (stage) => {
    const { queue, messageAfter } = setUp();
    expect(await messageAfter(unavailable(stage), unavailable(stage), unavailable(stage))).toMatchObject({ attempts: 0, setbacks: 0 });
    expect(queue.records).toEqual([]);
  });

  test('in the transaction, twice in a row: the message backs off', async () => {
    const { settle, messageAfter } = setUp();
    const once = await messageAfter(unavailable('body'));
    expect(once).toMatchObject({ setbacks: 1, problem: undefined });
    const again = await settle(unavailable('body'), once);
    expect(again).toMatchObject({ message: { setbacks: 2, problem: 'unreachable' } });
    expect(again === 'gone' ? 0 : again.wait).toBeGreaterThanOrEqual(RETRY.min / 2);
  });

  test('and out of time: expired', async () => {
    const { clock, news, settle, messageAfter } = setUp();
    const suspect = await messageAfter(unavailable('body'));
    await clock.advance(SETTINGS.expireAfter);
    expect(await settle(unavailable('body'), suspect)).toBe('gone');
    expect(news.of('expired')).toMatchObject([{ id: 'A', hours: 24 }]);
    expect(news.of('notified')).toHaveLength(1);
  });

  test('after the final dot: the log says that it may arrive twice', async () => {
    const { news, settle } = setUp();
    await settle({ ...unavailable('end-of-data'), maybeDelivered: true } as Attempt);
    expect(news.of('maybeDelivered')).toEqual([{ id: 'A', upstream: 'up:587', problem: 'unreachable' }]);
  });
});

describe('notifications of success', () => {
  test.each([
    ['the upstream makes none', false, 1],
    ['the upstream makes them', true, 0],
  ])('%s', async (_name, notifies, count) => {
    const { queue, settle } = setUp();
    queue.put('A', envelopeTo({ ...recipient('a'), notify: ['success'] }));
    await settle({ ...answered(delivered), notifies });
    expect(queue.submitted).toHaveLength(count);
  });
});

test('a notification that can not be made costs nothing else: what was delivered is recorded', async () => {
  const { queue, news, settle } = setUp({ recipients: ['a', 'b'] });
  queue.body = () => {
    throw new Error('no such luck');
  };
  expect(await settle(answered(delivered, bounced))).toBe('gone');
  expect(queue.messages.size).toBe(0);
  expect(news.of('notificationLost')).toMatchObject([{ about: 'A', problem: 'no such luck' }]);
});
