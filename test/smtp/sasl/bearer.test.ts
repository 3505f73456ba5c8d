// The octets of XOAUTH2 and OAUTHBEARER as Google, Microsoft and RFC 7628 publish them.

import { expect, test } from 'vitest';
import type { BearerCredentials } from '../../../src/smtp/sasl/mechanism.ts';
import { BEARER_MECHANISMS } from '../../../src/smtp/sasl/mechanisms.ts';

const mechanism = (name: string) => {
  const found = BEARER_MECHANISMS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

const start = (name: string, credentials: BearerCredentials) => mechanism(name).start(credentials, () => Buffer.alloc(0));

// RFC 7628, section 4; the tokens are the ones of the documents.
const RFC_TOKEN = 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==';
const GOOGLE_TOKEN = 'ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg';
const MICROSOFT_TOKEN = 'EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA';
const server = (port: number) => ({ host: 'server.example.com', port });

test.each([
  [
    'XOAUTH2, Google',
    { username: 'someuser@example.com', token: GOOGLE_TOKEN, ...server(587) },
    'dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==',
  ],
  [
    'XOAUTH2, Microsoft',
    { username: 'test@contoso.onmicrosoft.com', token: MICROSOFT_TOKEN, ...server(587) },
    'dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQldaV0NjbFJDM0VvQUEBAQ==',
  ],
  [
    'OAUTHBEARER, RFC 7628, section 4.1',
    { username: 'user@example.com', token: RFC_TOKEN, ...server(143) },
    'bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB',
  ],
  [
    'OAUTHBEARER, RFC 7628, section 4.4 (SMTP)',
    { username: 'user@example.com', token: RFC_TOKEN, ...server(587) },
    'bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB',
  ],
])('the first response of %s', async (name, credentials, octets) => {
  const exchange = start(name.split(',')[0] ?? '', credentials);
  expect((await exchange.next('accepted')).value?.toString('base64')).toBe(octets);
  expect(await exchange.next('accepted')).toEqual({ done: true, value: undefined });
});

test('OAUTHBEARER: a name with a comma and an equals sign (RFC 5801, section 4)', async () => {
  const first = await start('OAUTHBEARER', { username: 'a=b,c', token: 't', ...server(25) }).next('accepted');
  expect(String(first.value)).toBe('n,a=a=3Db=2Cc,\u0001host=server.example.com\u0001port=25\u0001auth=Bearer t\u0001\u0001');
});

test.each([
  ['XOAUTH2', ''],
  ['OAUTHBEARER', '\u0001'],
])('%s answers the challenge that says why, and then has nothing more to say', async (name, answer) => {
  const exchange = start(name, { username: 'u', token: 't', ...server(25) });
  await exchange.next('accepted');
  expect(String((await exchange.next(Buffer.from('{"status":"401"}'))).value)).toBe(answer);
  expect(await exchange.next(Buffer.from('again'))).toEqual({ done: true, value: undefined });
});

const GOOGLE_CHALLENGE = 'eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K';
const RFC_CHALLENGE =
  'eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=';

test.each([
  [
    'Google',
    Buffer.from(GOOGLE_CHALLENGE, 'base64'),
    'the token is not valid (status 401); the server wants the scope https://mail.google.com/',
  ],
  ['RFC 7628', Buffer.from(RFC_CHALLENGE, 'base64'), 'the token is not valid (invalid_token); the server wants the scope example_scope'],
  ['a scope', Buffer.from('{"status":"insufficient_scope"}'), 'the token does not permit sending mail (insufficient_scope)'],
  ['a number', Buffer.from('{"status":400}'), 'the server did not understand the token (status 400)'],
  ['unknown', Buffer.from('{"status":"odd\\u001b[2J"}'), 'the token is refused with status odd?[2J'],
  ['no JSON', Buffer.from('ya29'), undefined],
  ['other JSON', Buffer.from('[1]'), undefined],
  ['null', Buffer.from('null'), undefined],
])('the challenge of %s in words', (_name, challenge, words) => {
  for (const one of BEARER_MECHANISMS) expect(one.explain?.(challenge)).toBe(words);
});
