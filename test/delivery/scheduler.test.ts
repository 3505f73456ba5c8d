import { describe, expect, test } from 'vitest';
import { backOff } from '../../src/delivery/backoff.ts';
import type { Carrier, Queue, QueueEntry } from '../../src/delivery/queue.ts';
import { createSchedule } from '../../src/delivery/schedule.ts';
import { createScheduler } from '../../src/delivery/scheduler.ts';
import type { QueueId } from '../../src/events.ts';
import type { Envelope, Recipient } from '../../src/smtp/envelope.ts';
import type { Attempt, Outcome, Stage } from '../../src/smtp/outcome.ts';
import type { Monotonic } from '../../src/system/clock.ts';
import { type FakeClock, fakeClock } from '../support/clock.ts';
import { collectNews } from '../support/news.ts';
import { seededRandom } from '../support/random.ts';

const recipient = (localPart: string): Recipient => ({ forwardPath: { localPart, domain: 'example.org' } });
const reply = (code: number) => ({ code, lines: ['x'] as const });
const delivered: Outcome = { outcome: 'delivered', reply: reply(250) };
const deferred: Outcome = { outcome: 'deferred', failure: { scope: 'recipient', stage: 'rcpt', reply: reply(450) } };
const bounced: Outcome = { outcome: 'bounced', failure: { scope: 'recipient', stage: 'rcpt', reply: reply(550) } };
const answered = (first: Outcome, ...rest: Outcome[]): Attempt => ({ result: 'answered', outcomes: [first, ...rest] });
const sick = (stage: Stage = 'connect', code?: number): Attempt => ({
  result: 'no-answer',
  maybeDelivered: false,
  failure: { scope: 'upstream', stage, problem: 'sick', ...(code === undefined ? {} : { reply: reply(code) }) },
});

/** A queue in memory, and carriers that answer as `respond` says. */
function setUp(
  respond: (id: string, at: number, carrier: string) => Attempt | Promise<Attempt>,
  options: { connections?: number; carriers?: string[]; recipients?: string[] } = {},
) {
  const clock: FakeClock = fakeClock();
  const news = collectNews();
  const messages = new Map<QueueId, Recipient[]>();
  const sent: { id: string; at: number; carrier: string; to: string[] }[] = [];
  const records: { id: string; settled: string[]; attempts: number }[] = [];
  const queue: Queue = {
    async envelope(id): Promise<Envelope> {
      const [first, ...rest] = messages.get(id) ?? [];
      if (first === undefined) throw new Error('gone');
      return { reversePath: null, recipients: [first, ...rest], parameters: {} };
    },
    async *body() {},
    async record(id, settled, attempts) {
      records.push({ id, settled: settled.map(({ forwardPath }) => forwardPath.localPart), attempts });
      messages.set(
        id,
        (messages.get(id) ?? []).filter((one) => !settled.includes(one)),
      );
    },
    remove: (id) => void messages.delete(id),
  };
  const carriers = (options.carriers ?? ['up']).map(
    (name): Carrier => ({
      name,
      async send({ envelope }) {
        const id = [...messages].find(([, recipients]) => recipients[0] === envelope.recipients[0])?.[0] ?? '';
        sent.push({ id, at: clock.now(), carrier: name, to: envelope.recipients.map(({ forwardPath }) => forwardPath.localPart) });
        return respond(id, sent.length, name);
      },
    }),
  );
  const scheduler = createScheduler({
    queue,
    carriers,
    clock,
    random: seededRandom(5),
    tell: news.tell,
    settings: { connections: options.connections ?? 1, retry: { min: 60_000, max: 1_800_000 }, expireAfter: 86_400_000 },
  });
  const offer = (id: string, device = 'cam') => {
    messages.set(id as QueueId, (options.recipients ?? ['you']).map(recipient));
    scheduler.offer({ id: id as QueueId, octets: 1, device, arrived: clock.now(), attempts: 0 });
  };
  scheduler.start();
  return { clock, news, messages, sent, records, scheduler, offer };
}

test('delivers, removes, tells', async () => {
  const { clock, news, messages, offer } = setUp(() => answered(delivered));
  offer('A');
  await clock.advance(0);
  expect(messages.size).toBe(0);
  expect(news.all.map(({ event }) => event)).toEqual(['delivered', 'removed']);
  expect(clock.nextTimer()).toBeUndefined(); // an idle relay wakes for nothing
});

test('a deferred message backs off by itself, others go on', async () => {
  const { clock, sent, offer, records } = setUp((id) => answered(id === 'A' ? deferred : delivered));
  offer('A');
  offer('B');
  await clock.advance(0);
  expect(sent.map(({ id }) => id)).toEqual(['A', 'B']);
  expect(records).toEqual([{ id: 'A', settled: [], attempts: 1 }]);
  await clock.advance(29_000);
  expect(sent).toHaveLength(2);
  await clock.advance(24 * 3_600_000 - 30_000);
  const waits = sent.filter(({ id }) => id === 'A').map(({ at }, index, all) => at - (all[index - 1]?.at ?? at));
  expect(waits.length).toBeGreaterThan(40);
  expect(Math.max(...waits)).toBeLessThanOrEqual(1_800_000);
  expect(Math.max(...waits)).toBeGreaterThan(900_000);
});

test('each recipient on its own: only the rest is tried again', async () => {
  const { clock, sent, offer, news } = setUp((_id, count) => (count === 1 ? answered(delivered, deferred, bounced) : answered(delivered)), {
    recipients: ['a', 'b', 'c'],
  });
  offer('A');
  await clock.advance(1_800_000);
  expect(sent.map(({ to }) => to)).toEqual([['a', 'b', 'c'], ['b']]);
  expect(news.of('delivered').map(({ recipient: to }) => to.localPart)).toEqual(['a', 'b']);
  expect(news.of('bounced').map(({ recipient: to }) => to.localPart)).toEqual(['c']);
});

test('a deferred message expires', async () => {
  const { clock, messages, offer, news } = setUp(() => answered(deferred));
  offer('A');
  await clock.advance(86_400_000 + 1_800_000);
  expect(messages.size).toBe(0);
  expect(news.of('expired')).toMatchObject([{ id: 'A', hours: 24 }]);
});

describe('an upstream that is sick', () => {
  test('is probed with one message, ever more seldom, and no message is blamed', async () => {
    const { clock, sent, offer, records, news } = setUp(() => sick(), { connections: 3 });
    for (let at = 0; at < 10; at++) offer(`M${at}`, `device${at}`);
    await clock.advance(3_600_000);
    const times = [...new Set(sent.map(({ at }) => at))];
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(120_000);
    expect(sent.filter(({ at }) => at === times[5])).toHaveLength(1);
    expect(sent.length).toBeGreaterThan(30);
    expect(sent.length).toBeLessThan(200);
    expect(records).toEqual([]);
    expect(news.of('expired')).toEqual([]);
  });

  test('the queue drains at once when it is back', async () => {
    let isUp = false;
    const { clock, messages, offer, news } = setUp(() => (isUp ? answered(delivered) : sick()));
    for (let at = 0; at < 20; at++) offer(`M${at}`);
    await clock.advance(3_600_000);
    isUp = true;
    await clock.advance(120_000);
    expect(messages.size).toBe(0);
    expect(news.of('upstreamUp')).toMatchObject([{ upstream: 'up' }]);
  });

  test('a refused login is tried seldom: it must not lock the account', async () => {
    const { clock, sent, offer } = setUp(() => sick('auth', 535));
    for (let at = 0; at < 20; at++) offer(`M${at}`);
    await clock.advance(24 * 3_600_000);
    expect(sent.length).toBeLessThan(25);
  });

  test('runNow tries again at once', async () => {
    let isUp = false;
    const { clock, messages, offer, scheduler } = setUp(() => (isUp ? answered(delivered) : sick('auth', 535)));
    offer('A');
    await clock.advance(60_000);
    isUp = true;
    scheduler.runNow();
    await clock.advance(0);
    expect(messages.size).toBe(0);
  });

  test('the second upstream is used while the first is down, and the first again when it is back', async () => {
    let isUp = false;
    const { clock, sent, offer } = setUp((_id, _count, carrier) => (carrier === 'first' && !isUp ? sick() : answered(delivered)), {
      carriers: ['first', 'second'],
    });
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
    const { clock, messages, offer } = setUp((id) => (id === 'poison' ? sick('body') : answered(delivered)));
    offer('poison');
    for (let at = 0; at < 5; at++) offer(`M${at}`);
    await clock.advance(600_000);
    expect([...messages.keys()]).toEqual(['poison']);
  });
});

test('a message that the spool cannot give stays, and the others go on', async () => {
  const { clock, messages, offer, news, scheduler } = setUp(() => answered(delivered));
  scheduler.offer({ id: 'LOST' as QueueId, octets: 1, device: 'x', arrived: clock.now(), attempts: 0 });
  offer('A');
  await clock.advance(0);
  expect(messages.size).toBe(0);
  expect(news.of('fault')).toHaveLength(1);
});

test('stopping waits for what is under way, then cuts it', async () => {
  let finish: (attempt: Attempt) => void = () => {};
  const { clock, offer, scheduler, messages } = setUp(() => new Promise((resolve) => (finish = resolve)));
  offer('A');
  await clock.advance(0);
  const stopped = scheduler.stop(20_000);
  finish(answered(delivered));
  await stopped;
  expect(messages.size).toBe(0);
});

test('devices take turns', () => {
  const schedule = createSchedule();
  const entry = (id: string, device: string): QueueEntry => ({
    id: id as QueueId,
    octets: 1,
    device,
    arrived: 0 as Monotonic,
    attempts: 0,
  });
  for (let at = 0; at < 100; at++) schedule.offer(entry(`cam${at}`, 'cam'), 0 as Monotonic);
  schedule.offer(entry('smoke', 'detector'), 1 as Monotonic);
  const order = Array.from({ length: 3 }, () => schedule.take(5 as Monotonic)?.id);
  expect(order).toContain('smoke');
  expect(schedule.size).toBe(98);
});

test('the schedule gives what is due in order of time', () => {
  const schedule = createSchedule();
  const random = seededRandom(3);
  const times = Array.from({ length: 500 }, () => random.below(10_000));
  for (const at of times)
    schedule.offer({ id: `${at}` as QueueId, octets: 1, device: 'd', arrived: 0 as Monotonic, attempts: 0 }, at as Monotonic);
  const got: number[] = [];
  for (let now = 0; now <= 10_000; now += 10)
    for (let one = schedule.take(now as Monotonic); one !== undefined; one = schedule.take(now as Monotonic)) got.push(Number(one.id));
  expect(got).toEqual([...times].sort((one, other) => one - other));
  expect(schedule.wakeAt(0 as Monotonic)).toBe('never');
});

test('back-off grows from the minimum to the maximum, jittered over the whole range', () => {
  const random = seededRandom(1);
  for (let failures = 0; failures < 40; failures++) {
    const wait = backOff(failures, { min: 60_000, max: 1_800_000 }, random);
    expect(wait).toBeGreaterThanOrEqual(30_000);
    expect(wait).toBeLessThanOrEqual(Math.min(1_800_000, 60_000 * 2 ** failures));
  }
});
