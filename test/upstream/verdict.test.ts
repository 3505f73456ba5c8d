// What providers really say, and what it means. The whole of a habit is in test/habits; here is what needs the context,
// what stands close to another meaning, and the advice.

import { describe, expect, test } from 'vitest';
import { replyReader } from '../../src/smtp/reply.ts';
import type { Context } from '../../src/upstream/refusals/row.ts';
import { judge } from '../../src/upstream/verdict.ts';
import type { Stage } from '../../src/vocabulary/attempt.ts';
import type { Cause } from '../../src/vocabulary/cause.ts';

/** The reply that these lines make, without the hyphens of all but the last. */
function replyOf(...lines: readonly string[]) {
  const read = replyReader();
  for (const [at, line] of lines.entries()) {
    const step = read(Buffer.from(at < lines.length - 1 ? line.replace(' ', '-') : line));
    if (step.result === 'reply') return step.reply;
  }
  throw new Error(`no reply: ${lines}`);
}

const USUAL: Context = { hasAccount: true, isKept: false, isNullPath: false, hasParameters: false };
const verdictOn = (stage: Stage, line: string, context: Partial<Context> = {}) => judge(stage, replyOf(line), { ...USUAL, ...context });

describe('by stage and code', () => {
  test.each<[Stage, string, Cause, boolean]>([
    ['greeting', '554 go away', 'plain', false],
    ['ehlo', '550 bad name', 'plain', false],
    ['ehlo', '421 4.7.0 Try again later, closing connection. (EHLO)', 'plain', false],
    ['starttls', '454 4.7.0 TLS not available due to local problem', 'plain', false],
    ['auth', '535 5.7.8 no', 'login-refused', false],
    ['auth', '504 5.5.4 mechanism', 'mechanism', false],
    ['auth', '454 4.3.0 the server of accounts is away', 'login', false],
    ['mail', '550 no', 'unknown', false],
    ['mail', '451 4.3.0 later', 'unknown', false],
    ['rcpt', '550 5.1.1 no such user', 'message', true],
    ['rcpt', '450 4.2.0 Greylisted', 'message', false],
    ['rcpt', '452 4.5.3 too many recipients', 'message', false],
    ['rcpt', '552 too many recipients', 'message', false],
    ['rcpt', '552 5.2.2 mailbox full', 'message', true],
    ['data', '554 5.5.1 no', 'unknown', false],
    ['end-of-data', '554 5.7.1 spam message', 'message', true],
  ])('%s: %s', (stage, line, cause, isFinal) => {
    expect(verdictOn(stage, line)).toMatchObject({ cause, isFinal });
  });

  test.each<Stage>(['mail', 'rcpt', 'data', 'end-of-data'])('421 at %s ends the session, whatever it answers', (stage) => {
    expect(verdictOn(stage, '421 4.3.2 closing').cause).toBe('plain');
  });

  test.each(['220 hello', '250 sure', '354 go'])('%s out of step is about the session', (line) => {
    for (const stage of ['mail', 'rcpt', 'data', 'end-of-data'] as const) expect(verdictOn(stage, line).cause).toBe('plain');
  });
});

describe('by context', () => {
  test('"relay denied" wants a login where there is none, and is unknown where there is', () => {
    const line = '554 5.7.1 <a@b>: Relay access denied';
    expect(verdictOn('rcpt', line, { hasAccount: false })).toMatchObject({
      cause: 'plain',
      advice: expect.stringContaining('wants a login'),
    });
    expect(verdictOn('rcpt', line)).toMatchObject({ cause: 'unknown' });
  });

  test('421 to the first command of a kept connection is about the connection', () => {
    expect(verdictOn('mail', '421 4.4.2 timeout', { isKept: true }).cause).toBe('connection');
    expect(verdictOn('mail', '421 4.4.2 timeout').cause).toBe('plain');
    expect(verdictOn('mail', '451 Mails per session limit', { isKept: true }).cause).toBe('connection');
    expect(verdictOn('mail', '451 Mails per session limit').cause).toBe('plain');
  });

  test.each(['553 5.7.1 Sender address rejected: not owned by auth user.', '451 4.0.0 odd', '501 Invalid MAIL FROM address provided'])(
    'MAIL with the null reverse-path, answered with %s',
    (line) => {
      expect(verdictOn('mail', line, { isNullPath: true })).toMatchObject({ cause: 'null-path', isFinal: true });
      expect(verdictOn('mail', line).cause).not.toBe('null-path');
    },
  );

  test.each(['421 4.3.2 closing', '450 4.7.1 too much mail'])('%s to the null reverse-path is not about it', (line) => {
    expect(verdictOn('mail', line, { isNullPath: true }).cause).not.toBe('null-path');
  });

  test('555 is about a parameter where there was one', () => {
    const line = '555 5.5.4 Unsupported option: NOTIFY=NEVER';
    expect(verdictOn('rcpt', line, { hasParameters: true }).cause).toBe('extension');
    expect(verdictOn('rcpt', line).cause).toBe('unknown');
  });

  test('5.2.2 is the recipient, or the account', () => {
    expect(verdictOn('end-of-data', '554 5.2.2 mailbox full; STOREDRV.Submission.Exception:Quota').cause).toBe('quota');
    expect(verdictOn('end-of-data', '554 5.2.2 mailbox full')).toMatchObject({ cause: 'message', isFinal: true });
  });

  test('a disabled account is the recipient at RCPT', () => {
    expect(verdictOn('mail', '550 5.7.1 account disabled').cause).toBe('quota');
    expect(verdictOn('rcpt', '550 5.2.1 account disabled')).toMatchObject({ cause: 'message', isFinal: true });
  });
});

test('words may run over several lines, each with its status', () => {
  const reply = replyOf('550 5.7.1 Daily SMTP relay', '550 5.7.1 sending limit exceeded for customer.');
  expect(judge('end-of-data', reply, USUAL).cause).toBe('quota');
});

test.each<[string, Stage, string, RegExp]>([
  ['Gmail, two-factor', 'auth', '534 5.7.9 Application-specific password required. For more information, go to', /app password/],
  ['Gmail, bad password', 'auth', '535 5.7.8 Username and Password not accepted. For more information, go to', /are wrong.*app password/],
  ['Gmail, web login', 'auth', '534 5.7.14 Please log in via your web browser and then try again.', /web browser/],
  ['Gmail, logins', 'auth', '454 4.7.0 Too many login attempts, please try again later.', /too many logins/],
  ['Gmail, quota', 'rcpt', '550 5.4.5 Daily user sending limit exceeded.', /quota.*DEVICE_RATE/],
  ['Gmail, size', 'mail', "552 5.3.4 Your message exceeded Google's message size limits.", /too large/],
  [
    'Exchange Online, basic',
    'auth',
    '535 5.7.139 Authentication unsuccessful, basic authentication is disabled.',
    /switched password logins/,
  ],
  ['Exchange Online, password', 'auth', '535 5.7.3 Authentication unsuccessful', /are wrong/],
  ['Exchange Online, sender', 'end-of-data', '554 5.2.252 SendAsDenied; u@example.org not allowed to send as cam@lan', /GATEPOST_SENDER/],
  ['Exchange, sender', 'mail', '550 5.7.60 SMTP; Client does not have permissions to send as this sender', /GATEPOST_SENDER/],
  ['Exchange Online, threads', 'end-of-data', '432 4.3.2 Concurrent connections limit exceeded.', /one at a time/],
  ['Postfix, owner', 'rcpt', '553 5.7.1 <cam@lan>: Sender address rejected: not owned by user alerts', /GATEPOST_SENDER/],
  ['blocklist', 'rcpt', '554 5.7.1 Service unavailable; blocked using zen.spamhaus.org', /blocklist/],
  ['mailbox full', 'rcpt', '552 5.2.2 Mailbox quota exceeded', /mailbox is full/],
  ['Gmail, mailbox full', 'rcpt', '452 4.2.2 The email account that you tried to reach is over quota.', /mailbox is full/],
])('advice: %s', (_name, stage, line, advice) => {
  expect(verdictOn(stage, line).advice).toMatch(advice);
});

test('no advice where none is known', () => {
  expect(verdictOn('rcpt', '452 4.5.3 Too many recipients').advice).toBeUndefined();
  expect(verdictOn('rcpt', '550 5.1.1 no such user').advice).toBeUndefined();
  expect(verdictOn('end-of-data', '451 4.3.0 local problem').advice).toBeUndefined();
});
