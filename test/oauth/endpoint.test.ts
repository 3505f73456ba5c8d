// What is asked of an authorization server, and what becomes of each answer.

import { afterEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import { AuthorizationServer } from '../../src/oauth/endpoint.ts';
import { TokenFailed } from '../../src/oauth/failure.ts';
import { systemClock } from '../../src/system/clock.ts';
import { Trust } from '../../src/upstream/trust.ts';
import type { OAuthClient } from '../../src/vocabulary/oauth-account.ts';
import { fastClock } from '../support/fakes/clock.ts';
import { type Answer, type TokenEndpoint, tokenEndpoint, tokens, trust } from '../support/fakes/token-endpoint.ts';

const endpoints: TokenEndpoint[] = [];
afterEach(async () => {
  for (const one of endpoints.splice(0)) await one.close();
});

const SECRET = 'very-secret-client';
const CLIENT: OAuthClient = { id: 'gate', secret: SECRET, secretIn: 'body' };

async function setUp(
  answer: Parameters<typeof tokenEndpoint>[0] | Answer,
  client: OAuthClient = CLIENT,
  parts = { clock: systemClock, trust },
) {
  const endpoint = await tokenEndpoint(typeof answer === 'function' ? answer : () => answer);
  endpoints.push(endpoint);
  const { url } = endpoint;
  const urls = { token: url, device: url.replace('/token', '/device'), revocation: url.replace('/token', '/revoke') };
  return { endpoint, server: new AuthorizationServer(client, urls, parts) };
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no failure',
    (error: unknown) => (error instanceof TokenFailed ? error.failure : error),
  );

describe('what is asked', () => {
  test('a refresh token', async () => {
    const { endpoint, server } = await setUp(tokens('access-1', 'refresh-2'));
    expect(await server.refresh('refresh-1')).toEqual({ accessToken: 'access-1', lifetime: 3_600_000, refreshToken: 'refresh-2' });
    expect(Object.fromEntries(endpoint.asked[0]?.form ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-1',
      client_id: 'gate',
      client_secret: SECRET,
    });
  });

  test('the secret in the header', async () => {
    const { endpoint, server } = await setUp(tokens('access-1'), { ...CLIENT, secretIn: 'header' });
    await server.clientCredentials('https://mail.example/.default');
    expect(Object.fromEntries(endpoint.asked[0]?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      scope: 'https://mail.example/.default',
    });
    const [, credentials = ''] = endpoint.asked[0]?.authorization?.split(' ') ?? [];
    expect(decodeURIComponent(Buffer.from(credentials, 'base64').toString())).toBe(`gate:${SECRET}`);
  });

  test('a statement names no client', async () => {
    const { endpoint, server } = await setUp(tokens('access-1'));
    await server.assertion('a.b.c');
    expect(Object.fromEntries(endpoint.asked[0]?.form ?? [])).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: 'a.b.c',
    });
  });

  test('to forget a token', async () => {
    const { endpoint, server } = await setUp({ body: '' });
    expect(await server.revoke('refresh-1')).toBe('revoked');
    expect(endpoint.asked[0]).toMatchObject({ path: '/revoke' });
  });
});

test.each([
  ['a lifetime as text', { access_token: 'access-1', token_type: 'bearer', expires_in: '60' }, { lifetime: 60_000 }],
  ['no lifetime', { access_token: 'access-1', token_type: 'Bearer' }, { lifetime: undefined }],
  ['an id token that nobody can check', { access_token: 'access-1', token_type: 'Bearer', id_token: 'x.y.z' }, { accessToken: 'access-1' }],
])('an answer with %s', async (_name, body, granted) => {
  const { server } = await setUp({ body });
  expect(await server.refresh('refresh-1')).toMatchObject(granted);
});

const LOGIN_AGAIN = expect.stringContaining('gatepost oauth login');
const refusal = (error: string, description = 'no', status = 400): Answer => ({ status, body: { error, error_description: description } });

test.each<[string, Answer, object]>([
  [
    'invalid_grant',
    refusal('invalid_grant', 'Token has been expired or revoked.'),
    { cause: 'authorization-lost', problem: expect.stringContaining('Token has been expired or revoked.'), advice: LOGIN_AGAIN },
  ],
  [
    'a client that is wrong',
    refusal('invalid_client', 'no', 401),
    { cause: 'authorization-lost', advice: expect.stringContaining('CLIENT_SECRET') },
  ],
  [
    'a client that is wrong, by header',
    { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' }, body: { error: 'invalid_client' } },
    { cause: 'authorization-lost', advice: expect.stringContaining('CLIENT_ID') },
  ],
  ['a wrong scope', refusal('invalid_scope'), { cause: 'authorization-lost', advice: expect.stringContaining('GATEPOST_OAUTH_SCOPE') }],
  [
    'consent missing',
    refusal('invalid_grant', 'AADSTS65001: The user or administrator has not consented'),
    { cause: 'authorization-lost', advice: expect.stringContaining('administrator') },
  ],
  [
    'a secret that has expired',
    refusal('invalid_client', 'AADSTS7000222: The provided client secret keys are expired.', 401),
    { advice: expect.stringContaining('CLIENT_SECRET') },
  ],
  ['temporarily_unavailable', refusal('temporarily_unavailable'), { cause: 'plain' }],
  ['500', { status: 500, body: { error: 'invalid_grant' } }, { cause: 'plain', problem: expect.stringContaining('500') }],
  ['429', { status: 429, body: 'slow down' }, { cause: 'plain' }],
  [
    'HTML',
    { headers: { 'content-type': 'text/html' }, body: '<html>log in to the hotel</html>' },
    { cause: 'plain', problem: expect.stringContaining('text/html') },
  ],
  ['JSON that is none', { headers: { 'content-type': 'application/json' }, body: '{' }, { cause: 'plain' }],
  ['JSON of another kind', { body: [1] }, { cause: 'plain' }],
  ['no token', { body: { token_type: 'Bearer' } }, { cause: 'plain' }],
  ['a token of another type', { body: { access_token: 'access-1', token_type: 'mac' } }, { cause: 'plain' }],
  [
    'a token with a line end',
    { body: { access_token: 'a\r\nMAIL', token_type: 'Bearer' } },
    { cause: 'plain', problem: expect.stringContaining('unusable') },
  ],
  [
    'a redirect',
    { status: 302, headers: { location: 'https://evil.example/' }, body: '' },
    { cause: 'plain', problem: expect.stringContaining('redirect') },
  ],
  ['more than it may', 'endless', { cause: 'plain', problem: expect.stringContaining('65536') }],
  ['a lost connection', 'reset', { cause: 'plain' }],
])('a failure: %s', async (_name, answer, failure) => {
  const { endpoint, server } = await setUp(answer);
  expect(await failureOf(server.refresh('refresh-1'))).toMatchObject(failure);
  expect(endpoint.asked).toHaveLength(1);
});

test('silence has an end', async () => {
  const { server } = await setUp('silence', CLIENT, { clock: fastClock(200), trust });
  expect(await failureOf(server.refresh('refresh-1'))).toMatchObject({
    cause: 'plain',
    problem: expect.stringMatching(/does not answer within 30 s/),
  });
});

test('no secret is in what a server says of itself', async () => {
  const { server } = await setUp((form) =>
    refusal('invalid_grant', `bad ${form.get('refresh_token')} of ${form.get('client_secret')}\r\n\u001b[2J`),
  );
  const failure = JSON.stringify(await failureOf(server.refresh('refresh-secret-1')));
  expect(failure).toContain('bad *** of ***');
  expect(failure).not.toMatch(/refresh-secret-1|very-secret|\\u001b|\\r/);
});

describe('trust', () => {
  const ofDates = async (notBefore: number, notAfter: number) => {
    const certificate = selfSigned({ notBefore: new Date(notBefore), notAfter: new Date(notAfter) });
    const endpoint = await tokenEndpoint(() => tokens('access-1'), certificate);
    endpoints.push(endpoint);
    const own = new Trust({ ca: certificate.cert, pin: undefined });
    return failureOf(new AuthorizationServer(CLIENT, { token: endpoint.url }, { clock: systemClock, trust: own }).refresh('refresh-1'));
  };
  test('a certificate that nobody signed', async () => {
    const { server } = await setUp(tokens('access-1'), CLIENT, { clock: systemClock, trust: new Trust({ ca: undefined, pin: undefined }) });
    expect(await failureOf(server.refresh('refresh-1'))).toMatchObject({ cause: 'plain', problem: expect.stringMatching(/self.signed/) });
  });
  test('dates that are not those of the board', async () => {
    const now = Date.now();
    expect(await ofDates(now + 86_400_000, now + 90_000_000)).toMatchObject({ cause: 'clock' });
    expect(await ofDates(now - 90_000_000, now - 86_400_000)).toMatchObject({ cause: 'clock' });
  });
  test('a certificate of another name', async () => {
    const certificate = selfSigned({ names: ['login.example'], addresses: [] });
    const endpoint = await tokenEndpoint(() => tokens('access-1'), certificate);
    endpoints.push(endpoint);
    const own = new Trust({ ca: certificate.cert, pin: undefined });
    const server = new AuthorizationServer(CLIENT, { token: endpoint.url }, { clock: systemClock, trust: own });
    expect(await failureOf(server.refresh('refresh-1'))).toMatchObject({
      cause: 'plain',
      problem: expect.stringMatching(/does not match/),
    });
    expect(endpoint.asked).toEqual([]);
  });
  test('NODE_TLS_REJECT_UNAUTHORIZED is not obeyed', async () => {
    const { endpoint, server } = await setUp(tokens('access-1'), CLIENT, {
      clock: systemClock,
      trust: new Trust({ ca: undefined, pin: undefined }),
    });
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await failureOf(server.refresh('refresh-1'))).toMatchObject({ cause: 'plain' });
      expect(endpoint.asked).toEqual([]);
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });
  test('no address without TLS', async () => {
    const server = new AuthorizationServer(CLIENT, { token: 'http://127.0.0.1:1/token' }, { clock: systemClock, trust });
    expect(await failureOf(server.refresh('refresh-1'))).not.toBe('no failure');
  });
});
