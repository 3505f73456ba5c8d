// Statements of service accounts, and tokens from programs and files.

import { createVerify, generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { obtainByCommand } from '../../src/oauth/command.ts';
import { refusedWith, TokenFailed } from '../../src/oauth/failure.ts';
import { obtainByStatement, signStatement } from '../../src/oauth/service-account.ts';
import { systemClock } from '../../src/system/clock.ts';
import { fakeClock, fastClock, START_OF_TIME } from '../support/fakes/clock.ts';
import { temporaryFolder } from '../support/folders.ts';
import { searchForSecrets } from '../support/secrets.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const STATEMENT = {
  key: { email: 'gate@project.iam.example', keyId: 'k1', privateKey },
  subject: 'alerts@example.org',
  scope: 'https://mail.google.com/',
  audience: 'https://oauth2.example/token',
};

const decoded = (jwt: string) =>
  jwt
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);

describe('a service account', () => {
  test('RFC 7523, section 3', () => {
    const jwt = signStatement(STATEMENT, 1_000_500);
    const [header, claims] = decoded(jwt);
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' });
    expect(claims).toEqual({
      iss: 'gate@project.iam.example',
      sub: 'alerts@example.org',
      scope: 'https://mail.google.com/',
      aud: 'https://oauth2.example/token',
      iat: 1000,
      exp: 4600,
    });
    const [head, body, signature = ''] = jwt.split('.');
    expect(createVerify('RSA-SHA256').update(`${head}.${body}`).verify(publicKey, signature, 'base64url')).toBe(true);
  });

  test.each([
    ['1970', 5_000],
    ['twenty years ahead', Date.UTC(2046, 10, 24)],
  ])("a date of %s: the server's own is used", async (_name, wall) => {
    const clock = fakeClock();
    clock.setWall(wall);
    const seen: unknown[] = [];
    const server = {
      async assertion(jwt: string) {
        const issued = decoded(jwt)[1]?.['iat'];
        seen.push(issued);
        if (Math.abs(Number(issued) * 1000 - START_OF_TIME) > 300_000)
          throw refusedWith('invalid_grant', 'Invalid JWT: reasonable timeframe', START_OF_TIME);
        return { accessToken: 'a', lifetime: 1, refreshToken: undefined };
      },
    };
    expect(await obtainByStatement(STATEMENT, { server, clock })).toMatchObject({ accessToken: 'a' });
    expect(seen).toEqual([Math.floor(wall / 1000), START_OF_TIME / 1000]);
  });

  test('a mailbox that the key has no rights to', async () => {
    const server = { assertion: () => Promise.reject(refusedWith('invalid_grant', 'Invalid email or User ID', START_OF_TIME)) };
    await expect(obtainByStatement(STATEMENT, { server, clock: fakeClock() })).rejects.toMatchObject({
      failure: { cause: 'authorization-lost', advice: expect.stringContaining('delegation') },
    });
  });
});

describe('a program or a file', () => {
  const folder = temporaryFolder();
  const program = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const account = { host: 'smtp.example.org', username: 'alerts@example.org' };
  const failure = (command: string, clock = systemClock) =>
    obtainByCommand(command, account, clock).then(
      () => 'none',
      (error: unknown) => {
        const problem = error instanceof TokenFailed ? error.failure.problem : String(error);
        searchForSecrets(problem, 'a failure');
        return problem;
      },
    );

  test('prints a token, for the account that it is told', async () => {
    const path = program('good', 'echo "$1-$GATEPOST_OAUTH_USER-$GATEPOST_OAUTH_HOST"; echo more');
    expect(await obtainByCommand(`${path} word`, account, systemClock)).toEqual({
      accessToken: 'word-alerts@example.org-smtp.example.org',
      lifetime: undefined,
    });
  });
  test('a file', async () => {
    const path = join(folder, 'token');
    writeFileSync(path, 'token-in-a-file\n');
    expect(await obtainByCommand(path, account, systemClock)).toMatchObject({ accessToken: 'token-in-a-file' });
  });
  test('runs without what else is in the environment', async () => {
    process.env['SOME_SECRET'] = 'x';
    expect(await obtainByCommand(program('env', 'env | grep -c SOME_SECRET || true'), account, systemClock)).toMatchObject({
      accessToken: '0',
    });
    delete process.env['SOME_SECRET'];
  });
  test.each([
    ['fails', 'echo token-abc; echo "no token-abc today" >&2; exit 3', /fails \(3\): no \*\*\* today/],
    ['prints nothing', 'true', /no token/],
    ['prints words', 'echo "not a token"', /no token/],
    ['prints too much', 'yes', /prints too much/],
  ])('that %s', async (name, text, problem) => {
    expect(await failure(program(name.replaceAll(' ', '-'), text))).toMatch(problem);
  });
  test('that is not there', async () => {
    expect(await failure('/nowhere/token')).toMatch(/can't be read: ENOENT/);
    expect(await failure('gatepost-no-such-program word')).toMatch(/ENOENT/);
  });
  test('that never ends is killed, with all that it started', async () => {
    const mark = join(folder, 'mark');
    expect(await failure(program('slow', `(sleep 2; touch ${mark}) & wait`), fastClock(200))).toMatch(/longer than 60 s/);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(existsSync(mark)).toBe(false);
  });
});
