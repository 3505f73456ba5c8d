// What becomes of a message after an attempt, one attempt at a time.

import { describe, expect, test } from 'vitest';
import { Notifier } from '../../src/delivery/notify.ts';
import { Routes } from '../../src/delivery/routes.ts';
import type { PendingMessage } from '../../src/delivery/schedule.ts';
import { Settlement, type SettleSettings } from '../../src/delivery/settle.ts';
import type { Attempt, Outcome } from '../../src/vocabulary/attempt.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
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
  upstreamFailure,
} from '../support/fakes/delivery.ts';
import { collectNews } from '../support/fakes/news.ts';
import { seededRandom } from '../support/fakes/random.ts';

const RETRY = SETTINGS.retry;
const OTHER = 'B' as QueueId;
const unknown: Outcome = { outcome: 'deferred', failure: refusal(554, { cause: 'unknown' }) };

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
  const message: PendingMessage = { ...queued('A', { arrived: clock.now() }), trouble: undefined, problem: undefined };
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
  const heldUntil = () => settlement.heldUntil({ message, envelope: envelopeTo(first), carrier });
  return { clock, queue, news, routes, carrier, settle, messageAfter, heldUntil };
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
    expect(again).toMatchObject({ message: { attempts: 1, warned: false, trouble: undefined, problem: '450 x' } });
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
  test('slows the upstream down; the message is tried as soon as that lets it, however often', async () => {
    const { news, routes, clock, settle, messageAfter } = setUp();
    expect(await settle(answered(throttled))).toMatchObject({ wait: 0, message: { attempts: 0 } });
    expect(news.of('deferred')).toMatchObject([{ retryInSeconds: 15 }]);
    expect(routes.opensAt(clock.now())).toBe(clock.now() + 15_000);
    expect(await settle(answered(throttled), await messageAfter(answered(throttled)))).toMatchObject({ wait: 0 });
  });

  test('a message that meets it while others are taken backs off', async () => {
    const { routes, carrier, settle, messageAfter } = setUp();
    const once = await messageAfter(answered(throttled));
    routes.answered(carrier, OTHER, [delivered]);
    const again = await settle(answered(throttled), once);
    expect(again).toMatchObject({ message: { attempts: 1 } });
    expect(again === 'gone' ? 0 : again.wait).toBeGreaterThanOrEqual(RETRY.min / 2);
  });
});

describe('a refusal for good in unknown words', () => {
  test('the message waits by itself', async () => {
    const { settle } = setUp();
    const again = await settle(answered(unknown));
    expect(again).toMatchObject({ message: { attempts: 1, problem: '554 x' } });
    expect(again === 'gone' ? 0 : again.wait).toBeGreaterThanOrEqual(RETRY.min / 2);
  });

  test('it is believed when others are taken meanwhile', async () => {
    const { routes, carrier, settle, messageAfter, news } = setUp();
    const once = await messageAfter(answered(unknown));
    routes.answered(carrier, OTHER, [delivered]);
    const twice = await settle(answered(unknown), once);
    expect(twice === 'gone' ? twice : await settle(answered(unknown), twice.message)).toBe('gone');
    expect(news.of('bounced')).toMatchObject([{ id: 'A', failure: { reply: { code: 554 } } }]);
  });

  test('it is believed when no other message comes for eight hours', async () => {
    const { clock, settle, messageAfter } = setUp();
    const held = await messageAfter(answered(unknown), answered(unknown), answered(unknown));
    await clock.advance(8 * 3_600_000);
    expect(await settle(answered(unknown), held)).toBe('gone');
  });

  test('when others hear the same, the upstream is down, and the message waits for it', async () => {
    const { clock, routes, carrier, settle, news, messageAfter } = setUp();
    const held = await messageAfter(answered(unknown), answered(unknown));
    routes.answered(carrier, OTHER, [unknown]);
    await clock.advance(8 * 3_600_000);
    expect(await settle(answered(unknown), held)).toMatchObject({ wait: 0 });
    expect(news.of('upstreamDown')).not.toEqual([]);
  });

  test('a refusal for now is never believed', async () => {
    const { clock, settle, messageAfter } = setUp();
    const later: Attempt = answered({ outcome: 'deferred', failure: refusal(451, { cause: 'unknown' }) });
    const held = await messageAfter(later, later, later);
    await clock.advance(8 * 3_600_000);
    expect(await settle(later, held)).not.toBe('gone');
  });
});

describe('a sender that the provider does not take', () => {
  const refused: Attempt = answered({ outcome: 'deferred', failure: refusal(553, { cause: 'sender' }) });

  test('its messages wait, the upstream is up', async () => {
    const { settle, heldUntil, routes, clock } = setUp();
    expect(heldUntil()).toBeUndefined();
    const again = await settle(refused);
    expect(again === 'gone' ? 0 : again.wait).toBeGreaterThanOrEqual(RETRY.min / 2);
    expect(heldUntil()).toMatchObject({ message: { problem: '553 x' } });
    expect(routes.opensAt(clock.now())).toBe(clock.now());
  });

  test('they go once one of them is taken', async () => {
    const { settle, heldUntil } = setUp();
    await settle(refused);
    await settle(answered(delivered));
    expect(heldUntil()).toBeUndefined();
  });
});

describe('no answer', () => {
  test.each(['connect', 'tls', 'auth'] as const)('at %s: the message is not to blame, however often', async (stage) => {
    const { queue, messageAfter } = setUp();
    const message = await messageAfter(unavailable(stage), unavailable(stage), unavailable(stage));
    expect(message).toMatchObject({ attempts: 0, trouble: undefined, problem: 'unreachable' });
    expect(queue.records).toEqual([]);
  });

  test('in the transaction, twice in a row: the message backs off', async () => {
    const { settle, messageAfter } = setUp();
    const again = await settle(unavailable('body'), await messageAfter(unavailable('body')));
    expect(again).toMatchObject({ message: { problem: 'unreachable' } });
    expect(again === 'gone' ? 0 : again.wait).toBeGreaterThanOrEqual(RETRY.min / 2);
  });

  test('in the transaction, of other messages too: none backs off', async () => {
    const { routes, carrier, settle, messageAfter } = setUp();
    const once = await messageAfter(unavailable('body'));
    routes.failed(carrier, OTHER, upstreamFailure('body'));
    expect(await settle(unavailable('body'), once)).toMatchObject({ wait: 0 });
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
