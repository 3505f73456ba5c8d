import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { deviceUsers } from '../../src/config/kinds.ts';
import { createAuthenticator, hashPassword } from '../../src/server/users.ts';
import type { DeviceUser } from '../../src/vocabulary/password.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const DEVICE = '192.0.2.7';
const pause = async () => {};
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
  ])('%s with %j: %s', async (name, secret, isRight) =>
    expect(await authenticator.check(password(name, secret), DEVICE, pause)).toBe(isRight),
  );

  test('a hash answers no CRAM-MD5 challenge', async () => {
    expect(
      await authenticator.check({ kind: 'cram-md5', username: 'cam', challenge: Buffer.from('x'), digest: '0'.repeat(32) }, DEVICE, pause),
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
    await authenticator.check({ kind: 'cram-md5', username: 'tim', challenge, digest: 'b913a602c7eda7a495b4e6e7334d3890' }, DEVICE, pause),
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

describe('guesses over many connections at once', () => {
  const users: readonly DeviceUser[] = [{ name: 'cam', secret: { kind: 'plain', password: 's3cret' } }];

  test('wait for one another', async () => {
    const clock = fakeClock();
    const authenticator = createAuthenticator('required', users, clock);
    let guessed = 0;
    const guess = async (secret: string) => {
      const isRight = await authenticator.check(
        password('cam', secret),
        DEVICE,
        (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
      );
      guessed += 1;
      return isRight;
    };
    const all = Array.from({ length: 10 }, (_, at) => guess(`guess-${at}`));
    await clock.advance(30_000);
    // 3 at once, then after 1, 3, 7, 15 and 25 s
    expect(guessed).toBe(8);
    await clock.advance(30_000);
    expect(await Promise.all(all)).not.toContain(true);
  });

  test('one that goes away lets the next one in, and right ones never wait', async () => {
    const clock = fakeClock();
    const authenticator = createAuthenticator('required', users, clock);
    const gone = authenticator.check(password('cam', 'guess'), DEVICE, () => Promise.reject(new Error('gone')));
    const waits: number[] = [];
    const right = Array.from({ length: 10 }, () =>
      authenticator.check(password('cam', 's3cret'), DEVICE, async (ms) => void waits.push(ms)),
    );
    await expect(gone).rejects.toThrow('gone');
    expect(new Set(await Promise.all(right))).toEqual(new Set([true]));
    expect(new Set(waits)).toEqual(new Set([0]));
  });
});
