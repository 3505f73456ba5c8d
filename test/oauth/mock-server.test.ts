// Client credentials at a server that others wrote (oauth2-mock-server), over HTTPS.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OAuth2Server } from 'oauth2-mock-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tokenSource } from '../../src/oauth/sources.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { CERTIFICATE } from '../support/fakes/scripted-upstream.ts';
import { trust } from '../support/fakes/token-endpoint.ts';
import { temporaryFolder } from '../support/folders.ts';

const folder = temporaryFolder();
let server: OAuth2Server;
beforeAll(async () => {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  writeFileSync(key, CERTIFICATE.key);
  writeFileSync(cert, CERTIFICATE.cert);
  server = new OAuth2Server(key, cert);
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
});
afterAll(() => server.stop());

function source() {
  const parts = { clock: systemClock, random: systemRandom, trust, seal: undefined, folder: '/nowhere' };
  const client = { id: 'gate', secret: 'secret-of-the-client', secretIn: 'header' } as const;
  const endpoints = { token: `https://127.0.0.1:${server.address().port}/token` };
  return tokenSource(
    { provider: 'generic', host: 'h', username: 'u', grant: { kind: 'client-credentials', client, endpoints, scope: 'mail' } },
    parts,
  );
}

test('five connections at once: one request, and a token with the scope', async () => {
  let asked = 0;
  server.service.on('beforeResponse', () => {
    asked += 1;
  });
  const tokens = source();
  const got = await Promise.all([1, 2, 3, 4, 5].map(() => tokens.token()));
  expect(new Set(got).size).toBe(1);
  expect(asked).toBe(1);
  const [, claims = ''] = String(got[0]).split('.');
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ scope: 'mail' });
});

test.each([
  [500, {}, 'plain'],
  [400, { error: 'invalid_scope' }, 'authorization-lost'],
  [401, { error: 'invalid_client' }, 'authorization-lost'],
])('an answer of %s %j once, and then a token', async (statusCode, body, cause) => {
  server.service.once('beforeResponse', (response: { statusCode: number; body: unknown }) => Object.assign(response, { statusCode, body }));
  const tokens = source();
  expect(await tokens.token()).toMatchObject({ cause });
  expect(await tokens.token()).toEqual(expect.any(String));
});
