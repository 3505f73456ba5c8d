// Which mechanism is chosen; the exchanges themselves are in upstream.test.ts, over a connection.

import { describe, expect, test } from 'vitest';
import { BEARER_MECHANISMS, CLIENT_MECHANISMS } from '../../src/smtp/sasl/mechanisms.ts';
import { type LoginChoice, usableMechanisms } from '../../src/upstream/login.ts';

function choose(choice: LoginChoice['choice'], offered: readonly string[], more: Partial<LoginChoice> = {}): string {
  const mechanisms = usableMechanisms(CLIENT_MECHANISMS, { choice, offered: new Set(offered), isEncrypted: true, ...more });
  return typeof mechanisms === 'string' ? mechanisms : mechanisms[0].name;
}

test.each([
  [['LOGIN'], 'LOGIN'],
  [['LOGIN', 'PLAIN'], 'PLAIN'],
  [['LOGIN', 'PLAIN', 'CRAM-MD5'], 'CRAM-MD5'],
  [['SCRAM-SHA-256', 'LOGIN', 'PLAIN', 'CRAM-MD5'], 'SCRAM-SHA-256'],
  [['XOAUTH2', 'GSSAPI', 'PLAIN'], 'PLAIN'],
])('the strongest of %s', (offered, name) => {
  expect(choose('auto', offered)).toBe(name);
});

test('the configured one alone, however strong the others are', () => {
  expect(choose('plain', ['SCRAM-SHA-256', 'PLAIN'])).toBe('PLAIN');
  expect(choose('scram-sha-256', ['SCRAM-SHA-256', 'PLAIN'])).toBe('SCRAM-SHA-256');
});

describe('no mechanism', () => {
  test('says what is offered, and what would do', () => {
    expect(choose('auto', ['XOAUTH2'])).toBe('the server offers AUTH XOAUTH2; usable here: SCRAM-SHA-256, CRAM-MD5, PLAIN, LOGIN');
    expect(choose('cram-md5', ['PLAIN', 'LOGIN'])).toBe('the server offers AUTH PLAIN LOGIN; usable here: CRAM-MD5');
    expect(choose('auto', [])).toMatch(/^the server offers no AUTH at all/);
  });
  test('without TLS, not even one that hides the password', () => {
    for (const offered of ['PLAIN', 'SCRAM-SHA-256'])
      expect(choose('auto', [offered], { isEncrypted: false })).toBe('credentials are never sent without TLS');
  });
});

test('for a token: the standard before what is older, and no mechanism for passwords', () => {
  const chosen = (...offered: string[]) => {
    const mechanisms = usableMechanisms(BEARER_MECHANISMS, { choice: 'auto', offered: new Set(offered), isEncrypted: true });
    return typeof mechanisms === 'string' ? mechanisms : mechanisms[0].name;
  };
  expect(chosen('PLAIN', 'XOAUTH2', 'OAUTHBEARER')).toBe('OAUTHBEARER');
  expect(chosen('LOGIN', 'XOAUTH2')).toBe('XOAUTH2');
  expect(chosen('PLAIN')).toBe('the server offers AUTH PLAIN; usable here: OAUTHBEARER, XOAUTH2');
});
