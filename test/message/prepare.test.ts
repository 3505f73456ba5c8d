import { parseFrom } from 'email-addresses';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeaderGatherer } from '../../src/message/header.ts';
import { prepareFields } from '../../src/message/prepare.ts';
import { rewriteEnvelope } from '../../src/message/rewrite.ts';
import type { Mailbox } from '../../src/smtp/address.ts';
import type { WallTime } from '../../src/system/clock.ts';
import type { Rewriting } from '../../src/vocabulary/rewriting.ts';
import { decodeWords } from '../support/encoded-word.ts';

const NOON = Date.UTC(2026, 10, 24, 12) as WallTime;
const CAM: Mailbox = { localPart: 'cam', domain: 'lan.example' };
const ALERTS: Mailbox = { localPart: 'alerts', domain: 'example.org' };
const NONE: Rewriting = { sender: undefined, recipient: undefined, defaultDomain: undefined };
const SENDER = { ...NONE, sender: ALERTS };
const DOMAIN = { ...NONE, defaultDomain: 'example.org' };

type Options = { rewriting?: Rewriting; reversePath?: Mailbox | null; time?: WallTime; smtpUtf8?: true };

function prepare(octets: Uint8Array, { rewriting = NONE, reversePath = CAM, time = NOON, smtpUtf8 }: Options = {}): Buffer {
  const gatherer = new HeaderGatherer();
  const gathered = gatherer.add(octets) ?? gatherer.finish();
  if (typeof gathered === 'string') throw new Error(gathered);
  const parameters = smtpUtf8 === undefined ? {} : { smtpUtf8 };
  const envelope = rewriteEnvelope({ reversePath, recipients: [{ forwardPath: ALERTS }], parameters }, rewriting);
  return Buffer.concat(prepareFields(gathered.fields, rewriting, { hostname: 'gate.example', id: 'ID1', time, envelope }));
}

const GOOD = 'Date: Tue, 24 Nov 2026 11:59:00 +0000\r\nFrom: cam@lan.example\r\nMessage-ID: <1@cam>\r\n';
const without = (name: string) => GOOD.replace(new RegExp(`${name}: .*\r\n`), '');

/** What becomes of `fields` beside good ones. */
const become = (fields: string, besides: string, options: Options = {}) => {
  const all = prepare(Buffer.from(`${besides}${fields}`), options).toString();
  expect(all.endsWith(besides) || besides !== GOOD || all.startsWith(besides)).toBe(true);
  return all.replace(besides, '');
};

describe('a field that is fine stays byte for byte', () => {
  test.each([
    'Subject:\r\n',
    'Subject: Grün \xff\r\n',
    'subject : x\r\n y\r\n',
    'To: a@b (c) ,\r\n\td@e,,\r\n',
    'To: undisclosed-recipients:;\r\n',
    'To: Garden\r\n',
    'To: Bü <a@b>\r\n',
    'Cc: "never closed\r\n',
    'Received: a\r\nReceived: a\r\n',
    'Resent-To: a@b\r\nResent-To: c@d\r\n',
    'X-Same: 1\r\nX-Same:\r\nX-Same: 1\r\n',
    'Content-Type: ; broken\r\n',
    'Comments:\r\nComments:\r\n',
  ])('%j', (field) => {
    expect(prepare(Buffer.from(GOOD + field, 'latin1')).toString('latin1')).toBe(GOOD + field);
  });

  test.each(['Date: (c) 24 Nov 26 1:02 PST\r\n', 'Date:Tue, 24 Nov 2026 12:00:00\r\n\t+0000\r\n'])('%j', (date) => {
    expect(prepare(Buffer.from(without('Date') + date)).toString()).toBe(without('Date') + date);
  });

  test.each(['Message-ID:<a@b>\r\n', 'Message-Id: (x)\r\n <"a b" . c@[d]> (y)\r\n', 'MESSAGE-ID: <a:b/c@d_e>\r\n'])('%j', (id) => {
    expect(prepare(Buffer.from(without('Message-ID') + id)).toString()).toBe(without('Message-ID') + id);
  });

  test.each([
    'From: Bü <cam@lan.example>\r\n',
    'From: "a" <a@b>,\r\n c@d (e)\r\n',
    'From: Group: a@b;\r\n',
    'From: <@r:a@b>\r\n',
    'From: a@b; c@d\r\n',
    'From: cam@192.0.2.1\r\n',
    `From: ${'a@b, '.repeat(3_000)}\r\n`,
  ])('%.40j', (from) => {
    expect(prepare(Buffer.from(without('From') + from)).toString()).toBe(without('From') + from);
  });
});

describe('what counts as missing', () => {
  test.each([
    'Message-ID:\r\n',
    'Message-ID: <>\r\n',
    'Message-ID: < >\r\n',
    'Message-ID: a@b\r\n',
    'Message-ID: <a>\r\n',
    'Message-ID: <@b>\r\n',
    'Message-ID: <a@>\r\n',
    'Message-ID: <a@b\r\n',
    'Message-ID: <a@b> <c@d>\r\n',
    'Message-ID: (<a@b>)\r\n',
    'Message-ID: "<a@b>"\r\n',
    'Message-ID : \r\n \r\n',
  ])('%j', (id) => {
    expect(become(id, without('Message-ID'))).toBe('Message-ID: <ID1@gate.example>\r\n');
  });

  test.each(['Date:\r\n', 'Date: \t\r\n', 'DATE: (x)\r\n', 'Date:\r\n \r\n'])('%j', (date) => {
    expect(become(date, without('Date'))).toBe('Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n');
  });

  test.each(['From:\r\n', 'From: <>\r\n', 'From: "" <>\r\n', 'From: "" <@>\r\n', 'From: ,;\r\n', 'From: ( )\r\n', 'From: :;\r\n'])(
    '%j',
    (from) => {
      expect(become(from, without('From'))).toBe('From: <cam@lan.example>\r\n');
    },
  );
});

describe('a From without address keeps what stood there', () => {
  test.each([
    ['Garden', '"Garden"'],
    ['Garden camera', '"Garden camera"'],
    ['"Garden, west" <>', '"Garden, west"'],
    ['"Garden"', '"Garden"'],
    ['root', '"root"'],
    ['root (Cron Daemon)', '"root (Cron Daemon)"'],
    ['cam@', '"cam@"'],
    ['@lan.example', '"@lan.example"'],
    ['cam@lan home', '"cam@lan home"'],
    ['a@b@c', '"a@b@c"'],
    ['"never closed <a@b>', '"never closed <a@b>"'],
    ['a "quoted\\" one" <>', '"a quoted\\" one"'],
    ['nobody:;', '"nobody:;"'],
    ['Haus tür', 'Haus =?UTF-8?Q?t=C3=BCr?='],
    ['Haus. tür <>', '"Haus." =?UTF-8?Q?t=C3=BCr?='],
    ['=?UTF-8?Q?T=C3=BCr?=', '=?UTF-8?Q?T=C3=BCr?='],
    ['a\r\n b', '"a b"'],
  ])('%j', (from, name) => {
    expect(become(`From: ${from}\r\n`, without('From'))).toBe(`From: ${name} <cam@lan.example>\r\n`);
  });
});

describe('of several the first that says what it should', () => {
  test.each([
    ['Subject: a\r\nSubject: b\r\n', 'Subject: a\r\n'],
    ['Subject:\r\nSubject: b\r\nSubject: c\r\n', 'Subject: b\r\n'],
    ['Subject:\r\nX: y\r\nSubject: \r\n', 'Subject:\r\nX: y\r\n'],
    ['SUBJECT: a\r\nX: y\r\nsubject : b\r\n', 'SUBJECT: a\r\nX: y\r\n'],
    ['References: <a@b>\r\nReferences: <c@d>\r\n', 'References: <a@b>\r\n'],
    ['Reply-To: "" <>\r\nReply-To: a@b\r\nReply-To: c@d\r\n', 'Reply-To: a@b\r\n'],
    ['To: a@b\r\nX: y\r\nTo:c@d,\r\nTo: \r\n', 'To: a@b,\r\n c@d\r\nX: y\r\n'],
    ['To: a@b, \r\n ,\r\nTo:  c@d (x),,\r\n', 'To: a@b,\r\n c@d (x)\r\n'],
    ['To:\r\n a@b\r\nTo:\r\n c@d\r\n', 'To:\r\n a@b,\r\n c@d\r\n'],
    ['To: Bü\r\n <a@b>\r\nTo: "Cä,"<c@d>\r\n', 'To: =?UTF-8?Q?B=C3=BC?=\r\n <a@b>,\r\n =?UTF-8?B?Q8OkLA==?= <c@d>\r\n'],
    ['Cc: (a\r\nCc: b@c\r\nCc: "d\\\r\n', 'Cc: "(a",\r\n b@c,\r\n "\\"d\\\\"\r\n'],
  ])('%j', (fields, right) => {
    expect(become(fields, GOOD)).toBe(right);
  });
});

describe('DEFAULT_DOMAIN', () => {
  test.each([
    ['To: root\r\n', 'To: root@example.org\r\n'],
    ['To:root\r\n', 'To:root@example.org\r\n'],
    ['To: (a)root(b)\r\n', 'To: (a)root@example.org(b)\r\n'],
    ['To: \r\n <root>\r\n', 'To: \r\n <root@example.org>\r\n'],
    ['Reply-To: "a, b" < root >\r\n', 'Reply-To: "a, b" < root@example.org >\r\n'],
    ['To: <"a b">, "c d" <e>\r\n', 'To: <"a b"@example.org>, "c d" <e@example.org>\r\n'],
    ['Sender: root@\r\n', 'Sender: root@example.org\r\n'],
    ['To: A: b, c@d;, e\r\n', 'To: A: b@example.org, c@d;, e@example.org\r\n'],
    ['To: b;c\r\n', 'To: b@example.org;c@example.org\r\n'],
    ['To: a . b\r\n', 'To: a . b@example.org\r\n'],
    ['To: Bü<a>,Cä <b>\r\n', 'To: =?UTF-8?Q?B=C3=BC?= <a@example.org>, =?UTF-8?Q?C=C3=A4?= <b@example.org>\r\n'],
    ['To: Tor (Süd)\r\n', 'To: Tor@example.org (=?UTF-8?Q?S=C3=BCd?=)\r\n'],
    ['To: T "ür"x ß (ö) Ä <a>\r\n', 'To: T =?UTF-8?Q?=C3=BCrx_=C3=9F?= (=?UTF-8?B?w7Y=?=) =?UTF-8?B?w4Q=?= <a@example.org>\r\n'],
    // Left alone
    ['To: a b\r\n', 'To: a b\r\n'],
    ['To: "root"\r\n', 'To: "root"\r\n'],
    ['To: =?UTF-8?Q?root?=\r\n', 'To: =?UTF-8?Q?root?=\r\n'],
    ['To: wählen\r\n', 'To: wählen\r\n'],
    ['X-To: root\r\n', 'X-To: root\r\n'],
  ])('%j', (fields, right) => {
    expect(become(fields, GOOD, { rewriting: DOMAIN })).toBe(right);
  });

  test('long names are folded where they are encoded', () => {
    const field = become(`To: ${'Ä'.repeat(60)} <a>, ${'ö'.repeat(100)} <b>\r\n`, GOOD, { rewriting: DOMAIN });
    for (const line of field.split('\r\n')) expect(line.length).toBeLessThanOrEqual(76);
    expect(decodeWords(field.replace(/\r\n(?=\s)/g, ''))).toBe(
      `To: ${'Ä'.repeat(60)} <a@example.org>, ${'ö'.repeat(100)} <b@example.org>\r\n`,
    );
  });
});

describe('SENDER', () => {
  const rewritten = (from: string, options: Options = {}) =>
    become(`From: ${from}\r\n`, without('From'), { rewriting: SENDER, ...options });
  test.each([
    ['Garden <cam@lan.example>', '"Garden" ', '<cam@lan.example>'],
    ['cam@lan.example', '"cam@lan.example" ', '<cam@lan.example>'],
    ['root@lan.example (fcron)', '"fcron" ', '<root@lan.example>'],
    ['root (Cron Daemon)', '"Cron Daemon" ', undefined],
    ['root', '"root" ', undefined],
    ['"a  b" <c@d>', '"a  b" ', '<c@d>'],
    ['a@b, "c" <d@e>', '"a@b" ', '<a@b>, <d@e>'],
    ['A: "b" <c@d>, e@f;', '"b" ', '<c@d>, <e@f>'],
    ['<@r:a@b>', '"a@b" ', '<a@b>'],
    ['"cron job"@lan', '"\\"cron job\\"@lan" ', '<"cron job"@lan>'],
    ['<foo bar>', '"<foo bar>" ', undefined],
    ['nobody:;', '"nobody" ', undefined],
    ['', '', undefined],
    ['"" <>', '', undefined],
    ['grün@lan.example', '=?UTF-8?Q?gr=C3=BCn=40lan=2Eexample?= ', undefined],
    ['T\xfcr <a@b>', '=?UTF-8?Q?T=C3=BCr?= ', '<a@b>'],
  ])('%j', (from, name, replyTo) => {
    const right = `From: ${name}<alerts@example.org>\r\n${replyTo === undefined ? '' : `Reply-To: ${replyTo}\r\n`}`;
    expect(rewritten(from)).toBe(right);
  });

  test.each([
    ['Reply-To: owner@x.example\r\n', 'Reply-To: owner@x.example\r\n'],
    ['Reply-To: <>\r\n', 'Reply-To: <a@b>\r\n'],
    ['Reply-To: Garden\r\n', 'Reply-To: <a@b>\r\n'],
  ])('beside %j', (replyTo, right) => {
    const done = prepare(Buffer.from(`${without('From')}From: a@b\r\n${replyTo}`), { rewriting: SENDER }).toString();
    expect(done.match(/^Reply-To:.*\r\n/m)?.[0]).toBe(right);
    expect(done.match(/^Reply-To:/gm)).toHaveLength(1);
  });

  test('more authors than are read: their text is the name, shortened', () => {
    const from = rewritten('a@b,'.repeat(2_000));
    expect(from).toMatch(/^From: "a@b,a@b,[a@b,]*"\s+<alerts@example.org>\r\n$/);
    expect(from.length).toBeLessThan(470);
  });

  test('a name of any length: shortened, at a character, and folded', () => {
    const from = rewritten(`${'ü'.repeat(5_000)} <a@b>`);
    for (const line of from.split('\r\n')) expect(line.length).toBeLessThanOrEqual(76);
    const name = /From: (.*) <alerts@/.exec(from.replace(/\r\n(?=\s)/g, ''))?.[1] ?? '';
    expect(decodeWords(name.replaceAll('\t', ' '))).toBe('ü'.repeat(200));
  });
});

const piece = fc.oneof(
  fc.constantFrom(
    'a',
    'root',
    'cam@lan.example',
    '<',
    '>',
    ',',
    ';',
    ':',
    '"',
    '(',
    ')',
    '@',
    '\\',
    ' ',
    '\r\n ',
    '=?UTF-8?Q?x=C3=BC?=',
    'Bü',
    '日本',
    '\0',
    '.',
    '[',
    ']',
  ),
  fc.constantFrom('\xff', '24 Nov 2026 12:00:00 +0000', '<a@b>', '"q" ', '(c)', '1970', `${'w'.repeat(90)} `),
);
const value = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
const name = fc.constantFrom(
  ...[
    'From',
    'from ',
    'To',
    'Cc',
    'Bcc',
    'Sender',
    'Reply-To',
    'Date',
    'Message-ID',
    'Subject',
    'MIME-Version',
    'Content-Type',
    'X-A',
    'Resent-To',
  ],
);
const section = fc.array(fc.tuple(name, value), { maxLength: 10 }).map((fields) => fields.map(([of, is]) => `${of}:${is}\r\n`).join(''));
const options = fc.record({
  rewriting: fc.constantFrom(NONE, SENDER, DOMAIN, { ...SENDER, ...DOMAIN, sender: ALERTS }),
  reversePath: fc.constantFrom(CAM, null, { localPart: 'root', domain: '' }),
  time: fc.constantFrom(NOON, 5_000 as WallTime),
});

const ONCE = ['date', 'from', 'sender', 'reply-to', 'to', 'cc', 'message-id', 'subject', 'mime-version', 'content-type'];

test('any header section: done once it is done; each field once; what is there is there; lines stay lines', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(section, fc.constantFrom('utf8', 'latin1'), options, (text, encoding, how) => {
      const octets = Buffer.from(text, encoding as BufferEncoding);
      const done = prepare(octets, how);
      expect(prepare(done, how).equals(done)).toBe(true);
      const fields = done
        .toString('latin1')
        .replace(/\r\n(?=[ \t])/g, '')
        .split('\r\n')
        .slice(0, -1);
      const names = fields.map((field) => /^([!-9;-~]+)[ \t]*:/.exec(field)?.[1]?.toLowerCase());
      expect(names).not.toContain(undefined);
      for (const one of ONCE) expect(names.filter((other) => other === one).length).toBeLessThanOrEqual(1);
      for (const one of ['date', 'from', 'message-id']) expect(names).toContain(one);
      expect(names).not.toContain('bcc');
      if (how.rewriting.sender === undefined) return;
      const from = fields.find((field) => /^from[ \t]*:/i.test(field)) ?? '';
      if (!from.includes('\0')) expect(parseFrom(from.slice(5)), from).not.toBeNull();
    }),
    { numRuns: 5000 },
  );
});

// Whatever was the worst for a pattern: a header section of the largest size takes well under a second.
test.each(['a', 'a ', 'a,', '(', '"', '<', 'ü', 'ü ', 'ü,', '=?', '\\', '@', ' ', '\r\n ', '(ü)', '"ü"', 'a.', ':', ';'])(
  '%j over and over: linear',
  (unit) => {
    for (const field of ['From', 'To', 'Date', 'Message-ID', 'Content-Type', 'Subject']) {
      const body = unit.repeat(Math.floor(50_000 / unit.length / 2));
      const octets = Buffer.from(`${field}: ${body}\r\n${field}: ${body}\r\n`);
      // The processor's time: other programs may keep it busy for as long as they like.
      const start = process.cpuUsage();
      prepare(octets, { rewriting: { ...SENDER, ...DOMAIN, sender: ALERTS } });
      const { user, system } = process.cpuUsage(start);
      expect(user + system).toBeLessThan(1_000_000);
    }
  },
);
