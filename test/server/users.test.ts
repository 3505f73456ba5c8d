import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { deviceUsers } from '../../src/config/kinds.ts';
import { createAuthenticator, hashPassword } from '../../src/server/users.ts';
import type { DeviceUser } from '../../src/vocabulary/password.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const DEVICE = '192.0.2.7';
const password = (username: string, secret: string) => ({ kind: 'password', username, password: secret }) as const;

describe('users with hashed passwords', async () => {
  const users = v.parse(deviceUsers, `# the garden\ncam:${await hashPassword('s3cret')}\nups:plain:with:colons\n`);
  const authenticator = createAuthenticator('required', users, fakeClock());

  test.each([
    ['cam', 's3cret', true],
    ['cam', 's3cret ', false],
    ['cam', '', false],
    ['ups', 'plain:with:colons', true],
    ['ups', 'plain', false],
    ['nobody', 's3cret', false],
    ['__proto__', 'x', false],
  ])('%s with %j: %s', async (name, secret, isRight) => expect(await authenticator.check(password(name, secret), DEVICE)).toBe(isRight));

  test('a hash answers no CRAM-MD5 challenge', async () => {
    expect(
      await authenticator.check({ kind: 'cram-md5', username: 'cam', challenge: Buffer.from('x'), digest: '0'.repeat(32) }, DEVICE),
    ).toBe(false);
  });
});

test('RFC 2195, section 2: the example', async () => {
  const authenticator = createAuthenticator(
    'required',
    [{ name: 'tim', secret: { kind: 'plain', password: 'tanstaaftanstaaf' } }],
    fakeClock(),
  );
  const challenge = Buffer.from('<1896.697170952@postoffice.reston.mci.net>');
  expect(
    await authenticator.check({ kind: 'cram-md5', username: 'tim', challenge, digest: 'b913a602c7eda7a495b4e6e7334d3890' }, DEVICE),
  ).toBe(true);
});

test('CRAM-MD5 is only there when it can succeed', async () => {
  const namesOf = (mode: 'off' | 'any' | 'required', users: readonly DeviceUser[]) =>
    createAuthenticator(mode, users, fakeClock()).mechanisms.map(({ name }) => name);
  const hashed = v.parse(deviceUsers, `a:${await hashPassword('x')}`);
  expect(namesOf('required', hashed)).toEqual(['PLAIN', 'LOGIN']);
  expect(namesOf('any', [])).toContain('CRAM-MD5');
  expect(namesOf('off', [])).toEqual([]);
});

test.each(['cam', 'cam:', ':x', 'a:$1$md5$crypt', 'a:$scrypt$ln=20,r=8,p=1$AAAA$AAAA', 'a:x\na:y'])('not a user list: %j', (text) => {
  const result = v.safeParse(deviceUsers, text);
  expect(result.success).toBe(false);
});
