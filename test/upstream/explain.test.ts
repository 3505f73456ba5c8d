// What people are advised where no reply came.

import { expect, test } from 'vitest';
import { adviceOn } from '../../src/upstream/explain.ts';
import type { Stage } from '../../src/vocabulary/attempt.ts';
import type { Cause } from '../../src/vocabulary/cause.ts';

test.each<[string, Stage, string, RegExp, Cause?]>([
  ['captive portal', 'greeting', 'this is no SMTP reply: "HTTP/1.1 302 Found"', /captive portal/],
  ['TLS where SMTP was expected', 'greeting', 'this is no SMTP reply: "\\u0015\\u0003\\u0001"', /mixed up/],
  ['wrong name', 'tls', 'the certificate is not for smtp.example.org: Hostname/IP does not match', /captive portal/],
  ['clock behind', 'tls', "the server's certificate is not yet valid", /clock is behind/, 'clock'],
  ['clock ahead', 'tls', "the server's certificate has expired", /clock is ahead/, 'clock'],
  ['no TLS', 'tls', 'the TLS handshake failed: wrong version number', /smtps:\/\/ goes to port 465/],
  ['blocked port', 'connect', 'smtp.example.org:25 does not answer: it is down, or the port is blocked on the way', /587 or 465/],
  ['no greeting', 'greeting', 'the peer took too long', /smtps:\/\/ for 465/],
  ['TLS too old', 'tls', 'the TLS handshake failed: tlsv1 alert protocol version', /TLS 1\.1 or older/],
  [
    'antivirus',
    'tls',
    "the server's certificate is signed by nobody this board trusts (X): certificate of smtp.example.org, signed by Avast Web/Mail Shield Root, valid until x",
    /antivirus program/,
  ],
  [
    'own authority',
    'tls',
    "the server's certificate is signed by nobody this board trusts (X): certificate of a, signed by b",
    /GATEPOST_UPSTREAM_CA/,
  ],
  ['nothing listens', 'connect', 'smtp.example.org:587 refuses the connection: nothing listens there', /587 for smtp/],
  ['DNS', 'resolve', "the name smtp.example.org can't be looked up: no DNS server answers", /resolv\.conf/],
  ['no network', 'connect', 'no route to smtp.example.org:587', /no network/],
  ['STARTTLS stripped', 'starttls', 'the server does not offer STARTTLS, and without it nothing is sent', /465/],
  ['OAuth only', 'auth', 'the server offers AUTH XOAUTH2; usable here: PLAIN', /OAuth/],
  ['no OAuth', 'auth', 'the server offers AUTH PLAIN; usable here: OAUTHBEARER, XOAUTH2', /takes no OAuth tokens/],
  ['no TLS for a password', 'auth', 'credentials are never sent without TLS', /GATEPOST_UPSTREAM_AUTH=none/],
])('%s', (_name, stage, problem, advice, cause = 'plain') => {
  expect(adviceOn(stage, problem, cause)).toMatch(advice);
});

test('nothing where nothing is known', () => {
  expect(adviceOn('rcpt', 'the peer took too long', 'plain')).toBeUndefined();
  expect(adviceOn('tls', 'the TLS handshake failed: bad record mac', 'plain')).toBeUndefined();
  expect(adviceOn('tls', "the server's key is not the one of GATEPOST_UPSTREAM_PIN", 'plain')).toBeUndefined();
});
