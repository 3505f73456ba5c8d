// Who is notified of what, and what the notification says.

import { describe, expect, test } from 'vitest';
import { type Notice, Notifier, type NotifySettings } from '../../src/delivery/notify.ts';
import type { Envelope, Recipient } from '../../src/smtp/envelope.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { OWN_DEVICE } from '../../src/vocabulary/queued-message.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { envelopeTo, MemoryQueue, recipient, refusal, reply, SETTINGS } from '../support/fakes/delivery.ts';
import { collectNews } from '../support/fakes/news.ts';
import { seededRandom } from '../support/fakes/random.ts';

const OWNER = { localPart: 'owner', domain: 'example.org' };
const ID = 'A' as QueueId;

function setUp(settings: Partial<NotifySettings> = {}, submits?: ConstructorParameters<typeof MemoryQueue>[0]) {
  const clock = fakeClock();
  const queue = new MemoryQueue(submits);
  const news = collectNews();
  const notifier = new Notifier({
    queue,
    wall: () => clock.wall(),
    clock,
    random: seededRandom(5),
    tell: news.tell,
    settings: { ...SETTINGS, ...settings },
  });
  const notify = (notice: Partial<Notice> = {}) => {
    const envelope = notice.envelope ?? envelopeTo(recipient('you'));
    queue.put(ID, envelope);
    const outcomes = envelope.recipients.map((one) => ({ recipient: one, failure: refusal(550) }));
    return notifier.notify({ id: ID, octets: 1, device: '192.0.2.7', envelope, upstream: 'up:587', action: 'failed', outcomes, ...notice });
  };
  return { clock, queue, submitted: queue.submitted, news, notify };
}

const withParameters = (parameters: Envelope['parameters']): Envelope => ({ ...envelopeTo(recipient('you')), parameters });

/** The fields unfolded, and lines of quoted-printable joined. */
const flat = (text: string | undefined) => (text ?? '').replaceAll('\r\n\t', ' ').replaceAll('=\r\n', '');

describe('what it says', () => {
  test('a failure: why, for whom, and the header section', async () => {
    const { submitted, news, notify } = setUp();
    await notify({
      envelope: envelopeTo(recipient('a'), recipient('b')),
      outcomes: [{ recipient: recipient('b'), failure: refusal(550) }],
    });
    expect(submitted.map(({ envelope }) => envelope)).toEqual([
      {
        reversePath: null,
        recipients: [{ forwardPath: { localPart: 'cam', domain: 'lan.example' }, notify: 'never' }],
        parameters: {},
      },
    ]);
    const text = flat(submitted[0]?.text);
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
      expect(text).toContain(`${line}\r\n`);
    expect(text).not.toContain('a@example.org');
    expect(text).not.toContain('body\r\n');
    expect(news.of('notified')).toMatchObject([{ id: 'DSN1', about: 'A', action: 'failed' }]);
  });

  test('a problem and an advice in the relay’s own words stand before the reply', async () => {
    const { submitted, notify } = setUp();
    const failure = refusal(552, { problem: 'the message has 9 octets, the upstream takes 8', advice: 'send smaller pictures' });
    await notify({ outcomes: [{ recipient: recipient('you'), failure }] });
    const text = flat(submitted[0]?.text);
    expect(text).toContain('the message has 9 octets, the upstream takes 8');
    expect(text).toContain('send smaller pictures');
    expect(text).not.toContain('Diagnostic-Code');
  });

  test('one that has expired without a reply', async () => {
    const { submitted, notify } = setUp();
    const failure = { scope: 'upstream', stage: 'body', cause: 'plain', problem: 'the connection is closed' } as const;
    await notify({ outcomes: [{ recipient: recipient('you'), failure, isExpired: true }] });
    expect(submitted[0]?.text).toContain('It was tried for too long');
    expect(submitted[0]?.text).toContain('Status: 4.4.7\r\n');
  });

  test('a delay: until when it is tried', async () => {
    const { submitted, notify } = setUp();
    await notify({ action: 'delayed', triedFor: 20 * 3_600_000 });
    expect(submitted[0]?.text).toContain('Action: delayed\r\n');
    expect(submitted[0]?.text).toContain('Will-Retry-Until: Wed, 25 Nov 2026 08:00:00 +0000');
  });

  test('an international address, and a reply full of tricks, stay within their fields', async () => {
    const { submitted, notify } = setUp();
    const hostile = refusal(550, { reply: { code: 550, lines: ['no\r\nX-Injected: yes\u0000\u00e9', 'z'.repeat(5_000)] } });
    await notify({ outcomes: [{ recipient: recipient('j\u00f6rg'), failure: hostile }] });
    const text = submitted[0]?.text ?? '';
    expect(text).toContain('Final-Recipient: utf-8; j\\x{F6}rg@example.org');
    expect(text).not.toMatch(/^X-Injected/m);
    for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
  });
});

describe('what goes back', () => {
  test('RET=FULL returns the message to BOUNCE_TO, from SENDER; ENVID and ORCPT are given back', async () => {
    const { submitted, notify } = setUp({ bounceTo: OWNER, sender: { localPart: 'alerts', domain: 'example.org' } });
    const you = { ...recipient('you'), originalRecipient: 'rfc822;root@lan' };
    await notify({ envelope: { ...envelopeTo(you), parameters: { ret: 'full', envelopeId: 'QQ 314', body: '8BITMIME' } } });
    expect(submitted[0]?.envelope).toMatchObject({ recipients: [{ forwardPath: OWNER }], parameters: { body: '8BITMIME' } });
    const text = flat(submitted[0]?.text);
    for (const line of [
      'From: "Mail relay gate.example" <alerts@example.org>',
      'To: owner@example.org',
      'Original-Envelope-Id: QQ 314',
      'Original-Recipient: rfc822; root@lan',
      'Content-Type: message/rfc822',
      'body',
    ])
      expect(text).toContain(`${line}\r\n`);
  });

  test('a message in full is declared 8BITMIME, whatever the device declared', async () => {
    const { submitted, notify } = setUp({ bounceTo: OWNER });
    await notify({ envelope: withParameters({ ret: 'full' }) });
    expect(submitted[0]?.envelope.parameters).toEqual({ body: '8BITMIME' });
  });

  test.each<[string, Partial<NotifySettings>, Partial<Notice>]>([
    ['one that is itself too large', { bounceTo: OWNER }, { octets: 2 ** 20 + 1 }],
    ['to nobody but the owner', {}, {}],
    ['with a delay', { bounceTo: OWNER }, { action: 'delayed' }],
  ])('not in full: %s', async (_name, settings, notice) => {
    const { submitted, notify } = setUp(settings);
    await notify({ envelope: withParameters({ ret: 'full' }), ...notice });
    expect(submitted[0]?.text).toContain('Content-Type: text/rfc822-headers');
    expect(submitted[0]?.text).not.toContain('body\r\n');
  });
});

describe('whether it is wanted (RFC 3461, section 4.1)', () => {
  const DELIVERED = [{ recipient: recipient('you'), reply: reply(250) }];
  test.each<[string, Recipient['notify'], Notice['action'], boolean]>([
    ['NOTIFY=NEVER', 'never', 'failed', false],
    ['NOTIFY=SUCCESS and a failure', ['success'], 'failed', false],
    ['NOTIFY=FAILURE', ['failure'], 'failed', true],
    ['NOTIFY=FAILURE and a delay', ['failure'], 'delayed', false],
    ['NOTIFY=DELAY', ['delay'], 'delayed', true],
    ['NOTIFY=SUCCESS', ['success'], 'relayed', true],
    ['no NOTIFY and a failure', undefined, 'failed', true],
    ['no NOTIFY and a delay', undefined, 'delayed', true],
    ['no NOTIFY and a delivery', undefined, 'relayed', false],
  ])('%s', async (_name, wish, action, isWanted) => {
    const { submitted, notify } = setUp();
    const you = { ...recipient('you'), ...(wish === undefined ? {} : { notify: wish }) };
    const outcomes =
      action === 'relayed' ? DELIVERED.map((one) => ({ ...one, recipient: you })) : [{ recipient: you, failure: refusal(550) }];
    await notify({ envelope: envelopeTo(you), action, outcomes });
    expect(submitted).toHaveLength(isWanted ? 1 : 0);
    if (isWanted) expect(submitted[0]?.text).toContain(`Action: ${action}\r\n`);
  });

  test('never a bounce for a bounce', async () => {
    const { submitted, news, notify } = setUp({ bounceTo: OWNER });
    await notify({ envelope: { ...envelopeTo(recipient('you')), reversePath: null } });
    expect(submitted).toEqual([]);
    expect(news.all).toEqual([]);
  });

  test('a notification of this relay that fails is logged as lost', async () => {
    const { submitted, news, notify } = setUp({ bounceTo: OWNER });
    await notify({ device: OWN_DEVICE, envelope: { ...envelopeTo(recipient('you')), reversePath: null } });
    expect(submitted).toEqual([]);
    expect(news.of('notificationLost')).toEqual([{ id: ID, recipient: recipient('you').forwardPath, problem: '550 x' }]);
  });

  test('an address without a domain leads nowhere', async () => {
    const { submitted, notify } = setUp();
    await notify({ envelope: { ...envelopeTo(recipient('you')), reversePath: { localPart: 'root', domain: '' } } });
    expect(submitted).toEqual([]);
  });
});

describe('it goes where mail may go', () => {
  test.each<[string, Partial<NotifySettings>, string | undefined]>([
    ['a sender that mail may not go to', { mayNotify: () => false }, undefined],
    ['the owner, whoever else may not be notified', { mayNotify: () => false, bounceTo: OWNER }, 'owner'],
    ['where all mail goes', { mayNotify: () => false, recipient: OWNER }, 'owner'],
    ['BOUNCE_TO before that', { recipient: { localPart: 'all', domain: 'x' }, bounceTo: OWNER }, 'owner'],
    ['the sender', {}, 'cam'],
  ])('%s', async (_name, settings, to) => {
    const { submitted, news, notify } = setUp(settings);
    await notify();
    expect(submitted.map(({ envelope }) => envelope.recipients[0].forwardPath.localPart)).toEqual(to === undefined ? [] : [to]);
    if (to === undefined)
      expect(news.of('notificationLost')).toMatchObject([{ about: 'A', problem: expect.stringContaining('GATEPOST_ALLOW_RECIPIENTS') }]);
  });
});

describe('one that is lost is logged', () => {
  test.each([
    ['full', 'the spool is full'],
    ['throws', 'no such luck'],
  ] as const)('the spool: %s', async (submits, problem) => {
    const { news, notify } = setUp({}, submits);
    await notify();
    expect(news.of('notificationLost')).toMatchObject([{ about: 'A', action: 'failed', problem }]);
    expect(news.of('notified')).toEqual([]);
  });

  test('ten at once and sixty in an hour', async () => {
    const { clock, submitted, news, notify } = setUp();
    for (let count = 0; count < 80; count++) await notify();
    expect(submitted).toHaveLength(10);
    expect(news.of('notificationLost')).toHaveLength(70);
    for (let minute = 0; minute < 59; minute++) {
      await clock.advance(60_000);
      for (let count = 0; count < 5; count++) await notify();
    }
    expect(submitted.length).toBeGreaterThan(50);
    expect(submitted.length).toBeLessThanOrEqual(60);
  });

  test('those that a device asked for do not use up those of failures', async () => {
    const { submitted, notify } = setUp();
    const you: Recipient = { ...recipient('you'), notify: ['success', 'failure'] };
    const relayed = { action: 'relayed', envelope: envelopeTo(you), outcomes: [{ recipient: you, reply: reply(250) }] } as const;
    for (let count = 0; count < 10; count++) await notify(relayed);
    expect(submitted).toHaveLength(5);
    for (let count = 0; count < 10; count++) await notify({ envelope: envelopeTo(you) });
    expect(submitted).toHaveLength(10);
  });
});
