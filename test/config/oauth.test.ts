// Which upstreams log in with OAuth tokens, and how each gets its own.

import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { configOf, mistakesOf } from '../support/config.ts';

const GMAIL = { GATEPOST_UPSTREAM: 'smtp://alerts%40gmail.com@smtp.gmail.com', GATEPOST_OAUTH: 'google' };
const OFFICE = { GATEPOST_UPSTREAM: 'smtp://alerts%40contoso.com@smtp.office365.com', GATEPOST_OAUTH: 'microsoft' };
const OTHER = {
  GATEPOST_UPSTREAM: 'smtp://me@mail.example.org',
  GATEPOST_OAUTH: 'generic',
  GATEPOST_OAUTH_TOKEN_URL: 'https://login.example.org/token',
};
const CLIENT = { GATEPOST_OAUTH_CLIENT_ID: 'gate', GATEPOST_OAUTH_CLIENT_SECRET: 'open-sesame' };
const KEY = JSON.stringify({
  type: 'service_account',
  client_email: 'gate@project.iam.gserviceaccount.com',
  private_key_id: 'k1',
  private_key: generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey,
});

const accountsOf = (environment: Parameters<typeof configOf>[0]) =>
  configOf(environment).upstream.targets.map(({ oauth, credentials }) => oauth ?? credentials);
const grantOf = (environment: Parameters<typeof configOf>[0]) => configOf(environment).upstream.targets[0]?.oauth?.grant;

describe('presets', () => {
  test('Google: a desktop client', () => {
    expect(accountsOf({ ...GMAIL, ...CLIENT })).toEqual([
      {
        provider: 'google',
        host: 'smtp.gmail.com',
        username: 'alerts@gmail.com',
        grant: {
          kind: 'refresh',
          client: { id: 'gate', secret: 'open-sesame', secretIn: 'body' },
          endpoints: {
            token: 'https://oauth2.googleapis.com/token',
            authorization: 'https://accounts.google.com/o/oauth2/v2/auth',
            revocation: 'https://oauth2.googleapis.com/revoke',
          },
          scope: 'https://mail.google.com/',
        },
      },
    ]);
  });
  test('Google Workspace: a service account', () => {
    expect(grantOf({ ...GMAIL, GATEPOST_OAUTH_KEY: KEY })).toMatchObject({
      kind: 'service-account',
      key: { email: 'gate@project.iam.gserviceaccount.com', keyId: 'k1' },
      scope: 'https://mail.google.com/',
    });
  });
  test('Microsoft: login with a code, of any organisation or of one', () => {
    expect(grantOf({ ...OFFICE, GATEPOST_OAUTH_CLIENT_ID: 'gate' })).toMatchObject({
      kind: 'refresh',
      client: { secret: undefined },
      endpoints: { device: 'https://login.microsoftonline.com/common/oauth2/v2.0/devicecode' },
      scope: 'https://outlook.office.com/SMTP.Send offline_access',
    });
    expect(grantOf({ ...OFFICE, GATEPOST_OAUTH_CLIENT_ID: 'gate', GATEPOST_OAUTH_TENANT: 'contoso.com' })).toMatchObject({
      endpoints: { token: 'https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token' },
    });
  });
  test("Microsoft: in the application's own name", () => {
    expect(grantOf({ ...OFFICE, ...CLIENT, GATEPOST_OAUTH_TENANT: 'contoso.com' })).toMatchObject({
      kind: 'client-credentials',
      scope: 'https://outlook.office365.com/.default',
    });
  });
  test('any other server, by its secret, with a code or in a browser', () => {
    expect(grantOf({ ...OTHER, ...CLIENT })).toMatchObject({
      kind: 'client-credentials',
      scope: undefined,
      client: { secretIn: 'header' },
    });
    expect(
      grantOf({
        ...OTHER,
        ...CLIENT,
        GATEPOST_OAUTH_DEVICE_URL: 'https://login.example.org/device',
        GATEPOST_OAUTH_SCOPE: 'mail.send offline',
      }),
    ).toMatchObject({
      kind: 'refresh',
      endpoints: { device: 'https://login.example.org/device' },
      scope: 'mail.send offline',
    });
  });
  test('a program', () => {
    expect(grantOf({ ...GMAIL, GATEPOST_OAUTH: 'command', GATEPOST_OAUTH_COMMAND: '/usr/bin/gcloud auth print-access-token' })).toEqual({
      kind: 'command',
      command: '/usr/bin/gcloud auth print-access-token',
    });
  });
  test('the user may stand beside the URL', () => {
    expect(
      accountsOf({
        ...CLIENT,
        GATEPOST_UPSTREAM: 'smtp://smtp.gmail.com',
        GATEPOST_UPSTREAM_USERNAME: 'me@gmail.com',
        GATEPOST_OAUTH: 'Google',
      }),
    ).toMatchObject([{ username: 'me@gmail.com' }]);
  });
});

describe('several upstreams', () => {
  const TWO = 'smtp://a%40gmail.com@smtp.gmail.com,smtp://b%40contoso.com@smtp.office365.com';
  test('two accounts of two providers', () => {
    const environment = {
      GATEPOST_UPSTREAM: TWO,
      GATEPOST_OAUTH: 'smtp.gmail.com=google, smtp.office365.com=microsoft',
      GATEPOST_OAUTH_CLIENT_ID: 'smtp.gmail.com=g1\nsmtp.office365.com=m1\n',
      GATEPOST_OAUTH_CLIENT_SECRET: 'smtp.gmail.com=GOCSPX-x=y',
    };
    expect(accountsOf(environment)).toMatchObject([
      { provider: 'google', username: 'a@gmail.com', grant: { client: { id: 'g1', secret: 'GOCSPX-x=y' } } },
      { provider: 'microsoft', username: 'b@contoso.com', grant: { client: { id: 'm1', secret: undefined } } },
    ]);
  });
  test('two accounts of one provider share a client', () => {
    const two = 'smtp://a%40gmail.com@smtp.gmail.com,smtp://b%40gmail.com@smtp.gmail.com';
    expect(accountsOf({ GATEPOST_UPSTREAM: two, GATEPOST_OAUTH: 'google', ...CLIENT })).toMatchObject([
      { username: 'a@gmail.com' },
      { username: 'b@gmail.com' },
    ]);
  });
  test('one with tokens, and one with a password, each with its own mechanism', () => {
    const environment = {
      ...CLIENT,
      GATEPOST_OAUTH: 'google',
      GATEPOST_UPSTREAM: 'smtp://a@smtp.gmail.com,smtp://b:secret@smtp.example.org',
      GATEPOST_UPSTREAM_AUTH: 'plain',
    };
    expect(accountsOf(environment)).toMatchObject([{ provider: 'google' }, { username: 'b', password: 'secret' }]);
    expect(configOf(environment).upstream.targets.map(({ auth }) => auth)).toEqual(['auto', 'plain']);
  });
});

test.each<[string, Record<string, string>, RegExp]>([
  ['no client', GMAIL, /^GATEPOST_OAUTH_CLIENT_ID: is required/],
  ['no secret', { ...GMAIL, GATEPOST_OAUTH_CLIENT_ID: 'x' }, /^GATEPOST_OAUTH_CLIENT_SECRET: is required for Google/],
  ['no tenant', { ...OFFICE, ...CLIENT }, /^GATEPOST_OAUTH_TENANT: is required/],
  ['a tenant that is many', { ...OFFICE, ...CLIENT, GATEPOST_OAUTH_TENANT: 'common' }, /^GATEPOST_OAUTH_TENANT: is required/],
  ['no token endpoint', { ...GMAIL, ...CLIENT, GATEPOST_OAUTH: 'generic' }, /^GATEPOST_OAUTH_TOKEN_URL: is required/],
  [
    'no https',
    { ...OTHER, ...CLIENT, GATEPOST_OAUTH_TOKEN_URL: 'http://login.example.org' },
    /^GATEPOST_OAUTH_TOKEN_URL: is no https address/,
  ],
  ['no way to log in', { ...OTHER, GATEPOST_OAUTH_CLIENT_ID: 'x' }, /^GATEPOST_OAUTH_CLIENT_SECRET: is required, or/],
  ['no program', { ...GMAIL, GATEPOST_OAUTH: 'command' }, /^GATEPOST_OAUTH_COMMAND: is required/],
  [
    'an unknown provider',
    { ...GMAIL, ...CLIENT, GATEPOST_OAUTH: 'yahoo' },
    /^GATEPOST_OAUTH: is none of google, microsoft, generic, command/,
  ],
  ['no provider', { GATEPOST_UPSTREAM: 'smtp://a:b@h.example', ...CLIENT }, /^GATEPOST_OAUTH: is not given/],
  ['no mailbox', { ...GMAIL, ...CLIENT, GATEPOST_UPSTREAM: 'smtp://smtp.gmail.com' }, /whose mailbox/],
  ['a password in the URL', { ...GMAIL, ...CLIENT, GATEPOST_UPSTREAM: 'smtp://a:b@smtp.gmail.com' }, /no upstream takes its tokens/],
  [
    'a password beside it',
    {
      ...CLIENT,
      GATEPOST_OAUTH: 'google',
      GATEPOST_UPSTREAM: 'smtp://smtp.gmail.com',
      GATEPOST_UPSTREAM_USERNAME: 'a',
      GATEPOST_UPSTREAM_PASSWORD: 'open-sesame',
    },
    /^GATEPOST_UPSTREAM_PASSWORD: with GATEPOST_OAUTH/,
  ],
  [
    'several upstreams, and which is it?',
    { ...OTHER, ...CLIENT, GATEPOST_UPSTREAM: 'smtp://a@one.example,smtp://b@two.example' },
    /which upstream is it for/,
  ],
  ['a mechanism for passwords', { ...GMAIL, ...CLIENT, GATEPOST_UPSTREAM_AUTH: 'plain' }, /plain takes no token/],
  ['a mechanism for tokens', { GATEPOST_UPSTREAM: 'smtp://a:b@h.example', GATEPOST_UPSTREAM_AUTH: 'xoauth2' }, /xoauth2 needs tokens/],
  ['no login', { ...GMAIL, ...CLIENT, GATEPOST_UPSTREAM_AUTH: 'none' }, /none, but GATEPOST_OAUTH logs in/],
  ['no TLS', { ...OTHER, ...CLIENT, GATEPOST_UPSTREAM: 'smtp+plain://me@192.168.1.1' }, /credentials never travel without TLS/],
  ['a key that is none', { ...GMAIL, GATEPOST_OAUTH_KEY: '{"client_email":"open-sesame"}' }, /^GATEPOST_OAUTH_KEY: is no JSON key file/],
  ['a short seal', { ...GMAIL, ...CLIENT, GATEPOST_OAUTH_SEAL: 'open-sesame' }, /^GATEPOST_OAUTH_SEAL: has less than 32 characters/],
])('a mistake: %s', (_name, environment, mistake) => {
  const mistakes = mistakesOf(environment);
  expect(mistakes).toEqual([expect.stringMatching(mistake)]);
  expect(mistakes.join()).not.toContain('open-sesame');
});
