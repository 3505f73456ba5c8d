// Loaded beforehand: the scheduler loads it when it needs it, and a fake clock does not wait for a disk.
import 'nodemailer/lib/mime-node';
import { describe, expect, test } from 'vitest';
import { backOff } from '../../src/delivery/backoff.ts';
import type { Carrier, Queue } from '../../src/delivery/queue.ts';
import { createSchedule } from '../../src/delivery/schedule.ts';
import { createScheduler, type SchedulerSettings } from '../../src/delivery/scheduler.ts';
import type { Envelope, Recipient } from '../../src/smtp/envelope.ts';
import type { Status } from '../../src/smtp/status.ts';
import type { Monotonic } from '../../src/system/clock.ts';
import type { Attempt, Outcome, Stage } from '../../src/vocabulary/attempt.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import type { QueuedMessage } from '../../src/vocabulary/queued-message.ts';
import { type FakeClock, fakeClock, START_OF_TIME } from '../support/clock.ts';
import { collectNews } from '../support/fakes/news.ts';
import { seededRandom } from '../support/fakes/random.ts';

const recipient = (localPart: string): Recipient => ({ forwardPath: { localPart, domain: 'example.org' } });
const reply = (code: number) => ({ code, lines: ['x'] as const });
const delivered: Outcome = { outcome: 'delivered', reply: reply(250) };
const deferred: Outcome = { outcome: 'deferred', failure: { scope: 'recipient', stage: 'rcpt', reply: reply(450) } };
const bounced: Outcome = { outcome: 'bounced', failure: { scope: 'recipient', stage: 'rcpt', reply: reply(550) } };
const answered = (first: Outcome, ...rest: Outcome[]): Attempt => ({ result: 'answered', outcomes: [first, ...rest], notifies: false });
const sick = (stage: Stage = 'connect', code?: number): Attempt => ({
  result: 'no-answer',
  maybeDelivered: false,
  failure: { scope: 'upstream', stage, problem: 'sick', ...(code === undefined ? {} : { reply: reply(code) }) },
});

/** A queue in memory, and carriers that answer as `respond` says. */
function setUp(
  respond: (id: string, at: number, carrier: string) => Attempt | Promise<Attempt>,
  options: {
    connections?: number;
    carriers?: string[];
    recipients?: (string | Recipient)[];
    envelope?: Partial<Envelope>;
    settings?: Partial<SchedulerSettings>;
    submit?: 'full' | 'throws';
  } = {},
) {
  const clock: FakeClock = fakeClock();
  const news = collectNews();
  const messages = new Map<QueueId, Recipient[]>();
  const sent: { id: string; at: number; carrier: string; to: string[] }[] = [];
  const submitted: { envelope: Envelope; text: string }[] = [];
  const records: { id: string; settled: string[]; attempts: number }[] = [];
  const queue: Queue = {
    async envelope(id): Promise<Envelope> {
      const [first, ...rest] = messages.get(id) ?? [];
      if (first === undefined) throw new Error('gone');
      return {
        reversePath: { localPart: 'cam', domain: 'lan.example' },
        recipients: [first, ...rest],
        parameters: {},
        ...options.envelope,
      };
    },
    async *body() {
      yield Buffer.from('Subject: door\r\nFrom: cam\r\n\r\nbody\r\n');
    },
    async record(id, settled, { attempts }) {
      records.push({ id, settled: settled.map(({ forwardPath }) => forwardPath.localPart), attempts });
      messages.set(
        id,
        (messages.get(id) ?? []).filter((one) => !settled.includes(one)),
      );
    },
    remove: (id) => void messages.delete(id),
    async submit(envelope, body) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      submitted.push({ envelope, text: Buffer.concat(chunks).toString() });
      if (options.submit === 'throws') throw new Error('no such luck');
      return options.submit ?? ('DSN' as QueueId);
    },
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
    wall: () => clock.wall(),
    random: seededRandom(5),
    tell: news.tell,
    settings: {
      connections: options.connections ?? 1,
      rate: undefined,
      retry: { min: 60_000, max: 1_800_000 },
      expireAfter: 86_400_000,
      warnAfter: undefined,
      hostname: 'gate.example',
      bounceTo: undefined,
      recipient: undefined,
      mayBeTold: () => true,
      sender: undefined,
      ...options.settings,
    },
  });
  const offer = (id: string, device = 'cam', octets = 1) => {
    messages.set(
      id as QueueId,
      (options.recipients ?? ['you']).map((one) => (typeof one === 'string' ? recipient(one) : { ...one })),
    );
    scheduler.offer({ id: id as QueueId, octets, device, arrived: clock.now(), attempts: 0, warned: false });
  };
  scheduler.start();
  return { clock, news, messages, sent, records, submitted, scheduler, offer };
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

  test('is told once as news, and as news again when it is another trouble', async () => {
    let trouble: Attempt = sick();
    const { clock, offer, news } = setUp(() => trouble);
    offer('A');
    await clock.advance(3_600_000);
    const told = news.of('upstreamDown').map(({ isRepeated }) => isRepeated);
    expect(told.length).toBeGreaterThan(10);
    expect(told.filter((isRepeated) => !isRepeated)).toHaveLength(1);
    trouble = { ...sick('tls'), failure: { scope: 'upstream', stage: 'tls', problem: 'another' } } as Attempt;
    await clock.advance(600_000);
    expect(news.of('upstreamDown').filter(({ isRepeated }) => !isRepeated)).toHaveLength(2);
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

describe('a provider that wants less', () => {
  const throttled = (code: number, status: Status): Attempt =>
    answered({ outcome: 'deferred', failure: { scope: 'message', stage: 'mail', reply: { code, status, lines: [`${status} slower`] } } });

  test.each<[number, Status]>([
    [421, '4.7.0'],
    [432, '4.3.2'],
    [450, '4.7.1'],
    [451, '4.7.500'],
    [454, '4.7.0'],
    [550, '5.4.5'],
  ])('%s %s slows the upstream down, and blames no message', async (code, status) => {
    let isBusy = true;
    const { clock, sent, offer, news, records } = setUp(() => (isBusy ? throttled(code, status) : answered(delivered)), { connections: 3 });
    for (let at = 0; at < 50; at++) offer(`M${at}`, `device${at}`);
    await clock.advance(10_000);
    expect(sent.length).toBeLessThanOrEqual(3); // those that were under way when it was said
    expect(news.of('upstreamSlowed')[0]).toMatchObject({ retryInSeconds: 15 });
    expect(news.of('upstreamDown')).toEqual([]);
    await clock.advance(3_600_000);
    expect(sent.length).toBeLessThan(20); // an hour of "slower" costs no more than that
    expect(records.every(({ attempts }) => attempts <= 1)).toBe(true);
    isBusy = false;
    await clock.advance(3_600_000);
    expect(news.of('delivered')).toHaveLength(50);
  });

  test('speeds up again step by step', async () => {
    let said = 0;
    const { clock, sent, offer } = setUp(() => (said++ === 0 ? throttled(451, '4.7.1') : answered(delivered)));
    for (let at = 0; at < 20; at++) offer(`M${at}`);
    await clock.advance(120_000);
    const gaps = sent.slice(1).map(({ at }, index) => at - (sent[index]?.at ?? 0));
    expect(gaps[0]).toBe(15_000);
    expect(gaps.slice(0, 6)).toEqual([...gaps.slice(0, 6)].sort((one, other) => other - one));
    expect(gaps.at(-1)).toBe(0);
    expect(sent).toHaveLength(21);
  });

  test('one message that is always told "slower" does not hold up the others', async () => {
    const { clock, messages, offer } = setUp((id) => (id === 'grey' ? throttled(451, '4.7.1') : answered(delivered)));
    offer('grey');
    for (let at = 0; at < 20; at++) offer(`M${at}`);
    await clock.advance(600_000);
    expect([...messages.keys()]).toEqual(['grey']);
    await clock.advance(2 * 86_400_000);
    expect(messages.size).toBe(0); // and expires like any other
  });

  test('at the login, it is no refusal of the login', async () => {
    const { clock, sent, offer, scheduler } = setUp(() => ({
      result: 'no-answer',
      maybeDelivered: false,
      failure: { scope: 'upstream', stage: 'auth', problem: 'x', reply: { code: 454, status: '4.7.0', lines: ['4.7.0 too many'] } },
    }));
    offer('A');
    await clock.advance(20_000);
    expect(sent).toHaveLength(2);
    expect(scheduler.status()).toMatchObject([{ state: 'slowed', problem: 'x' }]);
  });

  test('the second upstream takes over meanwhile', async () => {
    const { clock, sent, offer } = setUp((_id, _at, carrier) => (carrier === 'first' ? throttled(432, '4.3.2') : answered(delivered)), {
      carriers: ['first', 'second'],
    });
    offer('A');
    offer('B');
    await clock.advance(1_000);
    expect(sent.map(({ carrier }) => carrier)).toEqual(['first', 'second', 'second']);
  });
});

test('UPSTREAM_RATE is kept, over any stretch of its length', async () => {
  const { clock, sent, offer } = setUp(() => answered(delivered), { connections: 5, settings: { rate: { count: 6, per: 60_000 } } });
  for (let at = 0; at < 60; at++) offer(`M${at}`);
  await clock.advance(600_000);
  expect(sent.length).toBeGreaterThanOrEqual(60);
  for (const { at } of sent) expect(sent.filter((other) => other.at >= at + 1 && other.at <= at + 60_000).length).toBeLessThanOrEqual(7);
  expect(sent.filter(({ at }) => at === sent[0]?.at)).toHaveLength(6);
  expect(clock.nextTimer()).toBeUndefined();
});

describe('notifications', () => {
  const fields = (text: string) => text.replaceAll('\r\n\t', ' ').replaceAll('=\r\n', '');

  test('a failure is told to the sender: why, for whom, and the header section', async () => {
    const { clock, offer, submitted, news, messages } = setUp(() => answered(delivered, bounced), { recipients: ['a', 'b'] });
    offer('A');
    await clock.advance(0);
    expect(submitted).toHaveLength(1);
    const [{ envelope, text }] = submitted as [(typeof submitted)[0]];
    expect(envelope).toEqual({
      reversePath: null,
      recipients: [{ forwardPath: { localPart: 'cam', domain: 'lan.example' }, notify: 'never' }],
      parameters: {},
    });
    const flat = fields(text);
    for (const line of [
      'From: "Mail relay gate.example" <MAILER-DAEMON@gate.example>',
      'To: cam@lan.example',
      'Subject: Not delivered: b@example.org',
      'Auto-Submitted: auto-replied',
      'Content-Type: multipart/report; report-type=delivery-status;',
      'Reporting-MTA: dns; gate.example',
      'Final-Recipient: rfc822; b@example.org',
      'Action: failed',
      'Status: 5.0.0',
      'Remote-MTA: dns; up',
      'Diagnostic-Code: smtp; 550 x',
      'Content-Type: text/rfc822-headers; charset=utf-8',
      'Subject: door',
    ])
      expect(flat).toContain(`${line}\r\n`);
    expect(flat).not.toContain('a@example.org');
    expect(flat).not.toContain('body\r\n');
    expect(messages.size).toBe(0);
    expect(news.of('notified')).toMatchObject([{ id: 'DSN', about: 'A', action: 'failed' }]);
  });

  test.each<[string, Recipient['notify'], Attempt, string | undefined]>([
    ['NOTIFY=NEVER', 'never', answered(bounced), undefined],
    ['NOTIFY=SUCCESS and a failure', ['success'], answered(bounced), undefined],
    ['NOTIFY=FAILURE', ['failure'], answered(bounced), 'Action: failed'],
    ['no NOTIFY and a delivery', undefined, answered(delivered), undefined],
    ['NOTIFY=SUCCESS, the upstream has no DSN', ['success'], answered(delivered), 'Action: relayed'],
    ['NOTIFY=SUCCESS, the upstream has DSN', ['success'], { result: 'answered', outcomes: [delivered], notifies: true }, undefined],
  ])('%s', async (_name, notify, attempt, action) => {
    const { clock, offer, submitted } = setUp(() => attempt, {
      recipients: [{ ...recipient('you'), ...(notify === undefined ? {} : { notify }) }],
    });
    offer('A');
    await clock.advance(0);
    expect(submitted.length).toBe(action === undefined ? 0 : 1);
    if (action !== undefined) expect(submitted[0]?.text).toContain(`${action}\r\n`);
  });

  test('never a bounce for a bounce', async () => {
    const { clock, offer, submitted, news } = setUp(() => answered(bounced), {
      envelope: { reversePath: null },
      settings: { bounceTo: { localPart: 'owner', domain: 'example.org' } },
    });
    offer('A');
    await clock.advance(0);
    expect(news.of('bounced')).toHaveLength(1);
    expect(submitted).toEqual([]);
  });

  test('BOUNCE_TO, from SENDER; RET=FULL returns the message, ENVID and ORCPT are given back', async () => {
    const { clock, offer, submitted } = setUp(() => answered(bounced), {
      recipients: [{ ...recipient('you'), originalRecipient: 'rfc822;root@lan' }],
      envelope: { parameters: { ret: 'full', envelopeId: 'QQ 314', body: '8BITMIME' } },
      settings: { bounceTo: { localPart: 'owner', domain: 'example.org' }, sender: { localPart: 'alerts', domain: 'example.org' } },
    });
    offer('A');
    await clock.advance(0);
    const [{ envelope, text }] = submitted as [(typeof submitted)[0]];
    expect(envelope).toMatchObject({
      recipients: [{ forwardPath: { localPart: 'owner', domain: 'example.org' } }],
      parameters: { body: '8BITMIME' },
    });
    const flat = fields(text);
    for (const line of [
      'From: "Mail relay gate.example" <alerts@example.org>',
      'To: owner@example.org',
      'Original-Envelope-Id: QQ 314',
      'Original-Recipient: rfc822; root@lan',
      'Content-Type: message/rfc822',
      'body',
    ])
      expect(flat).toContain(`${line}\r\n`);
  });

  test('what is returned in full is declared 8BITMIME, whatever the device declared', async () => {
    const settings = { bounceTo: { localPart: 'owner', domain: 'example.org' } };
    const { clock, offer, submitted } = setUp(() => answered(bounced), { envelope: { parameters: { ret: 'full' } }, settings });
    offer('A');
    await clock.advance(0);
    expect(submitted[0]?.envelope.parameters).toEqual({ body: '8BITMIME' });
  });

  test('RET=FULL returns no message that is itself too large', async () => {
    const settings = { bounceTo: { localPart: 'owner', domain: 'example.org' } };
    const { clock, offer, submitted } = setUp(() => answered(bounced), { envelope: { parameters: { ret: 'full' } }, settings });
    offer('A', 'cam', 2 ** 20 + 1);
    await clock.advance(0);
    expect(submitted[0]?.text).toContain('Content-Type: text/rfc822-headers');
    expect(submitted[0]?.text).not.toContain('body\r\n');
  });

  test('an international address, and a reply full of tricks, stay within their fields', async () => {
    const hostile: Outcome = {
      outcome: 'bounced',
      failure: { scope: 'recipient', stage: 'rcpt', reply: { code: 550, lines: ['no\r\nX-Injected: yes\u0000\u00e9', 'z'.repeat(5_000)] } },
    };
    const { clock, offer, submitted } = setUp(() => answered(hostile), { recipients: ['j\u00f6rg'] });
    offer('A');
    await clock.advance(0);
    const { text } = submitted[0] as (typeof submitted)[0];
    expect(text).toContain('Final-Recipient: utf-8; j\\x{F6}rg@example.org');
    expect(text).not.toMatch(/^X-Injected/m);
    for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
  });

  test('a delay is told once, if wanted, and the rest of the time is named', async () => {
    const { clock, offer, submitted } = setUp(() => answered(deferred), { settings: { warnAfter: 4 * 3_600_000 } });
    offer('A');
    await clock.advance(3 * 3_600_000);
    expect(submitted).toEqual([]);
    await clock.advance(10 * 3_600_000);
    expect(submitted).toHaveLength(1);
    expect(submitted[0]?.text).toContain('Action: delayed\r\n');
    expect(submitted[0]?.text).toMatch(/Will-Retry-Until: Wed, 25 Nov 2026 1[12]:/);
    await clock.advance(12 * 3_600_000);
    expect(submitted).toHaveLength(2); // it has expired by then
    expect(submitted[1]?.text).toContain('Action: failed\r\n');
    expect(submitted[1]?.text).toContain('It was tried for too long');
  });

  test('one that finds no room is said in the log, and the message goes all the same', async () => {
    const { clock, offer, news, messages } = setUp(() => answered(bounced), { submit: 'full' });
    offer('A');
    await clock.advance(0);
    expect(news.of('notificationLost')).toMatchObject([{ about: 'A', problem: 'the spool is full' }]);
    expect(messages.size).toBe(0);
  });
});

describe('notifications go where mail may go', () => {
  const owner = { localPart: 'owner', domain: 'example.org' };
  const bounce = () =>
    answered({ outcome: 'bounced', failure: { scope: 'recipient', stage: 'rcpt', reply: { code: 550, lines: ['no'] } } });

  test.each<[string, Parameters<typeof setUp>[1], string | undefined]>([
    ['a sender that mail may not go to', { settings: { mayBeTold: () => false } }, undefined],
    ['the owner, whoever else may not be told', { settings: { mayBeTold: () => false, bounceTo: owner } }, 'owner'],
    ['where all mail goes', { settings: { mayBeTold: () => false, recipient: owner } }, 'owner'],
    ['BOUNCE_TO before that', { settings: { recipient: { localPart: 'all', domain: 'x' }, bounceTo: owner } }, 'owner'],
    ['the sender', {}, 'cam'],
  ])('%s', async (_name, options, to) => {
    const { clock, offer, submitted, news } = setUp(bounce, options);
    offer('A');
    await clock.advance(0);
    expect(submitted.map(({ envelope }) => envelope.recipients[0].forwardPath.localPart)).toEqual(to === undefined ? [] : [to]);
    if (to === undefined)
      expect(news.of('notificationLost')).toMatchObject([{ about: 'A', problem: expect.stringContaining('GATEPOST_ALLOW_RECIPIENTS') }]);
  });

  test('a message goes back whole to the owner alone', async () => {
    const envelope = { parameters: { ret: 'full' as const } };
    for (const [settings, isWhole] of [
      [{}, false],
      [{ bounceTo: owner }, true],
    ] as const) {
      const { clock, offer, submitted } = setUp(bounce, { envelope, settings });
      offer('A');
      await clock.advance(0);
      expect(submitted[0]?.text.includes('\r\nbody\r\n')).toBe(isWhole);
    }
  });

  test('sixty an hour; what a device asked to be told of does not use them up', async () => {
    let outcome: Outcome = delivered;
    const { clock, offer, submitted, news } = setUp(() => answered(outcome), {
      recipients: [{ ...recipient('you'), notify: ['success', 'failure'] }],
    });
    for (let count = 0; count < 80; count++) {
      offer(`S${count}`);
      await clock.advance(0);
    }
    expect(submitted).toHaveLength(60);
    expect(news.of('notificationLost')).toHaveLength(20);
    outcome = { outcome: 'bounced', failure: { scope: 'recipient', stage: 'rcpt', reply: { code: 550, lines: ['no'] } } };
    offer('F');
    await clock.advance(0);
    expect(submitted).toHaveLength(61);
    await clock.advance(60_000);
    offer('later');
    await clock.advance(0);
    expect(submitted).toHaveLength(62);
  });
});

test('a device that asks for deliveries makes messages due, but overrides no back-off of an upstream', async () => {
  const refusedLogin: Attempt = {
    result: 'no-answer',
    failure: { scope: 'upstream', stage: 'auth', problem: 'no', reply: { code: 535, lines: ['no'] } },
    maybeDelivered: false,
  };
  const { clock, offer, sent, scheduler } = setUp(() => refusedLogin);
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
  const later = answered({ outcome: 'deferred', failure: { scope: 'recipient', stage: 'rcpt', reply: { code: 450, lines: ['later'] } } });
  const { clock, offer, sent, scheduler } = setUp(() => later);
  offer('A');
  await clock.advance(0);
  scheduler.hurry();
  await clock.advance(0);
  expect(sent).toHaveLength(2);
});

test('a notification that can not be made costs nothing else: what was delivered is not delivered again', async () => {
  const { clock, offer, sent, messages, news } = setUp(() => answered(delivered, bounced), {
    recipients: ['a', 'b'],
    envelope: { reversePath: { localPart: 'cam', domain: 'lan.example' } },
    submit: 'throws',
  });
  offer('A');
  await clock.advance(3_600_000);
  expect(sent).toHaveLength(1);
  expect(messages.size).toBe(0);
  expect(news.of('notificationLost')).toMatchObject([{ about: 'A', problem: 'no such luck' }]);
  expect(news.of('fault')).toEqual([]);
});

describe('by hand', () => {
  test('hold stops what would begin, release goes on', async () => {
    const { clock, sent, offer, scheduler } = setUp(() => answered(delivered));
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
    const { clock, sent, offer, scheduler, messages, news } = setUp(() => answer);
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
    const { clock, offer, scheduler } = setUp(() => new Promise((resolve) => (finish = resolve)));
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
  const notYetValid: Attempt = {
    result: 'no-answer',
    maybeDelivered: false,
    failure: { scope: 'upstream', stage: 'tls', problem: 'not yet valid', isClock: true },
  };

  test('boot in 1970: deliveries wait for the date, go at once when it is set, and nothing expires', async () => {
    const { clock, offer, messages, news, scheduler } = setUp(() => (clock.wall() < START_OF_TIME ? notYetValid : answered(delivered)));
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
    const { clock, offer, messages, news } = setUp(() => answered(isUp ? delivered : deferred));
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
    const { clock, sent, offer } = setUp(() => notYetValid);
    offer('A');
    await clock.advance(600_000);
    const before = sent.length;
    clock.setWall(clock.wall() + 3_000);
    await clock.advance(3_000);
    expect(sent.length - before).toBeLessThanOrEqual(1);
  });
});

test('a message that always loses the connection expires in the end', async () => {
  const { clock, offer, messages, news, submitted } = setUp(() => sick('body'));
  offer('A');
  await clock.advance(86_400_000 + 2 * 1_800_000);
  expect(messages.size).toBe(0);
  expect(news.of('expired')).toHaveLength(1);
  expect(submitted).toHaveLength(1);
});

test('a message that the spool cannot give stays, and the others go on', async () => {
  const { clock, messages, offer, news, scheduler } = setUp(() => answered(delivered));
  scheduler.offer({ id: 'LOST' as QueueId, octets: 1, device: 'x', arrived: clock.now(), attempts: 0, warned: false });
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
  const entry = (id: string, device: string): QueuedMessage => ({
    id: id as QueueId,
    octets: 1,
    device,
    arrived: 0 as Monotonic,
    attempts: 0,
    warned: false,
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
    schedule.offer(
      { id: `${at}` as QueueId, octets: 1, device: 'd', arrived: 0 as Monotonic, attempts: 0, warned: false },
      at as Monotonic,
    );
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
