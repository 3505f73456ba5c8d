// What providers really say, and what it means. A provider's habit is a row here as it is in the table.

import { describe, expect, test } from 'vitest';
import { replyReader } from '../../src/smtp/reply.ts';
import { judge, stageOf, type Verdict } from '../../src/upstream/verdict.ts';
import type { Stage } from '../../src/vocabulary/attempt.ts';

function replyOf(line: string) {
  const step = replyReader()(Buffer.from(line));
  if (step.result !== 'reply') throw new Error(`no reply: ${line}`);
  return step.reply;
}

const verdictOn = (stage: Stage, line: string): Verdict => judge(stageOf(stage, replyOf(line)), replyOf(line));

type Meaning = Pick<Verdict, 'scope' | 'cause' | 'isFinal'>;
const REFUSED: Meaning = { scope: 'message', cause: 'plain', isFinal: true };
const LATER: Meaning = { scope: 'message', cause: 'plain', isFinal: false };
const RECIPIENT_REFUSED: Meaning = { scope: 'recipient', cause: 'plain', isFinal: true };
const RECIPIENT_LATER: Meaning = { scope: 'recipient', cause: 'plain', isFinal: false };
const SLOWER: Meaning = { scope: 'account', cause: 'throttled', isFinal: false };
const QUOTA: Meaning = { scope: 'account', cause: 'quota', isFinal: false };
const LOGIN: Meaning = { scope: 'session', cause: 'login-refused', isFinal: false };
const SESSION: Meaning = { scope: 'session', cause: 'plain', isFinal: false };
const UPSTREAM: Meaning = { scope: 'upstream', cause: 'plain', isFinal: false };

describe('by stage and code', () => {
  test.each<[Stage, string, Meaning]>([
    ['greeting', '554 go away', UPSTREAM],
    ['ehlo', '550 bad name', SESSION],
    ['starttls', '454 4.7.0 TLS not available due to local problem', SESSION],
    ['auth', '535 5.7.8 no', LOGIN],
    ['auth', '504 5.5.4 mechanism', LOGIN],
    ['auth', '454 4.3.0 the server of accounts is away', SESSION],
    ['mail', '550 no', REFUSED],
    ['mail', '451 4.3.0 later', LATER],
    ['rcpt', '550 5.1.1 no such user', RECIPIENT_REFUSED],
    ['rcpt', '450 4.2.1 later', RECIPIENT_LATER],
    ['rcpt', '452 4.5.3 too many recipients', RECIPIENT_LATER],
    ['data', '554 5.5.1 no', REFUSED],
    ['data', '452 4.3.1 full', LATER],
    ['end-of-data', '554 5.6.0 spam', REFUSED],
    ['end-of-data', '451 4.3.0 local problem', LATER],
  ])('%s: %s', (stage, line, meaning) => {
    expect(verdictOn(stage, line)).toMatchObject(meaning);
  });

  test.each<Stage>(['mail', 'rcpt', 'data', 'end-of-data'])('421 at %s ends the session, whatever it answers', (stage) => {
    expect(verdictOn(stage, '421 4.3.2 closing')).toEqual(SESSION);
  });

  test.each(['530 5.7.0 authenticate first', '534 no', '535 5.7.8 no', '538 no'])('%s is about the login, whatever it answers', (line) => {
    for (const stage of ['mail', 'rcpt', 'data', 'end-of-data'] as const) {
      expect(stageOf(stage, replyOf(line))).toBe('auth');
      expect(verdictOn(stage, line)).toMatchObject(LOGIN);
    }
  });

  test.each(['220 hello', '250 sure', '354 go'])('%s out of step is about the session', (line) => {
    for (const stage of ['mail', 'rcpt', 'data', 'end-of-data'] as const)
      expect(verdictOn(stage, line)).toMatchObject({ scope: 'session' });
  });

  test.each<[string, Meaning]>([
    ['552 too many recipients', { scope: 'recipient', cause: 'too-many-recipients', isFinal: false }],
    ['552 5.5.3 too many', { scope: 'recipient', cause: 'too-many-recipients', isFinal: false }],
    ['552', { scope: 'recipient', cause: 'too-many-recipients', isFinal: false }],
    ['552 5.5.30 another', RECIPIENT_REFUSED],
    ['552 5.2.2 mailbox full', RECIPIENT_REFUSED],
  ])('RCPT answered with %s', (line, meaning) => {
    expect(verdictOn('rcpt', line)).toMatchObject(meaning);
  });
});

describe('the provider wants less', () => {
  test.each(['432 4.3.2 x', '450 4.7.1 x', '451 4.7.500 x', '454 4.7.0 x'])('%s', (line) => {
    for (const stage of ['mail', 'rcpt', 'data', 'end-of-data'] as const)
      expect(verdictOn(stage, line)).toMatchObject({ ...SLOWER, advice: expect.stringContaining('wants less') });
  });

  test('421 4.7.x says so, and ends the session', () => {
    for (const stage of ['greeting', 'ehlo', 'auth', 'mail', 'rcpt', 'end-of-data'] as const)
      expect(verdictOn(stage, '421 4.7.0 x')).toMatchObject({ scope: 'session', cause: 'throttled' });
  });

  test('454 4.7.0 to AUTH is no refusal of the login', () => {
    expect(verdictOn('auth', '454 4.7.0 too many')).toMatchObject({ cause: 'throttled' });
  });

  test('454 4.7.0 to STARTTLS means that there is no TLS now', () => {
    expect(verdictOn('starttls', '454 4.7.0 TLS not available due to local problem').advice).toBeUndefined();
  });

  test.each<Stage>(['mail', 'rcpt', 'end-of-data'])("the day's quota at %s is no refusal for good", (stage) => {
    expect(verdictOn(stage, '550 5.4.5 Daily user sending limit exceeded.')).toMatchObject(QUOTA);
  });
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
  [
    'Exchange Online, tenant',
    'auth',
    '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.',
    /Authenticated SMTP/,
  ],
  ['Exchange Online, password', 'auth', '535 5.7.3 Authentication unsuccessful', /are wrong/],
  [
    'Exchange Online, sender',
    'end-of-data',
    '554 5.2.252 SendAsDenied; user@example.org not allowed to send as cam@lan',
    /GATEPOST_SENDER/,
  ],
  ['Exchange, sender', 'mail', '550 5.7.60 SMTP; Client does not have permissions to send as this sender', /GATEPOST_SENDER/],
  ['Exchange Online, threads', 'end-of-data', '432 4.3.2 Concurrent connections limit exceeded.', /wants less/],
  ['Exchange Online, no login', 'mail', '530 5.7.57 Client not authenticated to send mail.', /GATEPOST_UPSTREAM_USERNAME/],
  ['Postfix, owner', 'rcpt', '553 5.7.1 <cam@lan>: Sender address rejected: not owned by user alerts', /GATEPOST_SENDER/],
  ['Postfix, relay', 'rcpt', '554 5.7.1 <a@b>: Relay access denied', /GATEPOST_UPSTREAM_USERNAME/],
  ['greylisting and rate', 'rcpt', '451 4.7.1 Please try again later', /wants less/],
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
