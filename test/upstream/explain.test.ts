// What providers really say, and what people are told about it.

import { expect, test } from 'vitest';
import { adviceFor } from '../../src/upstream/explain.ts';
import type { Failure, Stage } from '../../src/vocabulary/attempt.ts';

const said = (stage: Stage, line: string): Failure => {
  const [code = '', ...words] = line.split(' ');
  return { scope: 'upstream', stage, problem: 'x', reply: { code: Number(code), lines: [words.join(' ')] } };
};
const wrong = (stage: Stage, problem: string): Failure => ({ scope: 'upstream', stage, problem });

test.each<[string, Failure, RegExp]>([
  ['Gmail, two-factor', said('auth', '534 5.7.9 Application-specific password required. For more information, go to'), /app password/],
  [
    'Gmail, bad password',
    said('auth', '535 5.7.8 Username and Password not accepted. For more information, go to'),
    /are wrong.*app password/,
  ],
  ['Gmail, web login', said('auth', '534 5.7.14 Please log in via your web browser and then try again.'), /web browser/],
  ['Gmail, logins', said('auth', '454 4.7.0 Too many login attempts, please try again later.'), /too many logins/],
  ['Gmail, quota', said('rcpt', '550 5.4.5 Daily user sending limit exceeded.'), /quota.*DEVICE_RATE/],
  ['Gmail, size', said('mail', "552 5.3.4 Your message exceeded Google's message size limits."), /too large/],
  [
    'Exchange Online, basic',
    said('auth', '535 5.7.139 Authentication unsuccessful, basic authentication is disabled.'),
    /switched password logins/,
  ],
  [
    'Exchange Online, tenant',
    said('auth', '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.'),
    /Authenticated SMTP/,
  ],
  ['Exchange Online, password', said('auth', '535 5.7.3 Authentication unsuccessful'), /are wrong/],
  [
    'Exchange Online, sender',
    said('end-of-data', '554 5.2.252 SendAsDenied; user@example.org not allowed to send as cam@lan'),
    /GATEPOST_SENDER/,
  ],
  ['Exchange, sender', said('mail', '550 5.7.60 SMTP; Client does not have permissions to send as this sender'), /GATEPOST_SENDER/],
  ['Exchange Online, threads', said('end-of-data', '432 4.3.2 Concurrent connections limit exceeded.'), /wants less/],
  ['Exchange Online, no login', said('mail', '530 5.7.57 Client not authenticated to send mail.'), /GATEPOST_UPSTREAM_USERNAME/],
  ['Postfix, owner', said('rcpt', '553 5.7.1 <cam@lan>: Sender address rejected: not owned by user alerts'), /GATEPOST_SENDER/],
  ['Postfix, relay', said('rcpt', '554 5.7.1 <a@b>: Relay access denied'), /GATEPOST_UPSTREAM_USERNAME/],
  ['greylisting and rate', said('rcpt', '451 4.7.1 Please try again later'), /wants less/],
  ['blocklist', said('rcpt', '554 5.7.1 Service unavailable; blocked using zen.spamhaus.org'), /blocklist/],
  ['mailbox full', said('rcpt', '552 5.2.2 Mailbox quota exceeded'), /mailbox is full/],
  ['Gmail, mailbox full', said('rcpt', '452 4.2.2 The email account that you tried to reach is over quota.'), /mailbox is full/],
  ['captive portal', wrong('greeting', 'this is no SMTP reply: "HTTP/1.1 302 Found"'), /captive portal/],
  ['TLS where SMTP was expected', wrong('greeting', 'this is no SMTP reply: "\\u0015\\u0003\\u0001"'), /mixed up/],
  ['wrong name', wrong('tls', 'the certificate is not for smtp.example.org: Hostname/IP does not match'), /captive portal/],
  ['clock', wrong('tls', "the server's certificate is not yet valid"), /clock is behind/],
  ['blocked port', wrong('connect', 'smtp.example.org:25 does not answer: it is down, or the port is blocked on the way'), /587 or 465/],
  ['DNS', wrong('resolve', "the name smtp.example.org can't be looked up: no DNS server answers"), /resolv\.conf/],
  ['no network', wrong('connect', 'no route to smtp.example.org:587'), /no network/],
  ['STARTTLS stripped', wrong('starttls', 'the server does not offer STARTTLS, and without it nothing is sent'), /465/],
  ['OAuth only', wrong('auth', 'the server offers AUTH XOAUTH2; usable here: PLAIN'), /OAuth/],
])('%s', (_name, failure, advice) => {
  expect(adviceFor(failure)).toMatch(advice);
});

test('nothing is said where nothing is known', () => {
  expect(adviceFor(said('rcpt', '452 4.5.3 Too many recipients'))).toBeUndefined();
  expect(adviceFor(said('rcpt', '550 5.1.1 no such user'))).toBeUndefined();
  expect(adviceFor(said('end-of-data', '451 4.3.0 local problem'))).toBeUndefined();
});
