// How often a board asks whether the owner has typed the code (RFC 8628, section 3.5), and when it stops.

import { expect, test } from 'vitest';
import { type DeviceParts, loginByCode } from '../../src/oauth/device.ts';
import type { Granted } from '../../src/oauth/endpoint.ts';
import { refusedWith, unavailable } from '../../src/oauth/failure.ts';

const GRANTED: Granted = { accessToken: 'a', lifetime: 1, refreshToken: 'r' };
const CODE = {
  deviceCode: 'd',
  userCode: 'ABCD-EFGH',
  address: 'https://login.example/device',
  addressWithCode: undefined,
  expiresIn: 900_000,
  interval: 5_000,
};

/** Answers one after the other, the last one for ever; time is moved by sleeping. */
function setUp(answers: readonly (Granted | Error)[], code = CODE) {
  let now = 0;
  const slept: number[] = [];
  let at = 0;
  const parts: DeviceParts = {
    server: {
      device: async () => code,
      async deviceTokens() {
        const answer = answers[Math.min(at++, answers.length - 1)] ?? GRANTED;
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    scope: undefined,
    show: () => {},
    async sleep(milliseconds) {
      slept.push(milliseconds);
      now += milliseconds;
    },
    now: () => now,
  };
  return { parts, slept };
}

const pending = refusedWith('authorization_pending', '');

test('it asks at the interval that the server wants, slower when it says so, and through an outage', async () => {
  const { parts, slept } = setUp([
    pending,
    refusedWith('slow_down', ''),
    pending,
    unavailable('no network'),
    refusedWith('slow_down', ''),
    GRANTED,
  ]);
  expect(await loginByCode(parts)).toEqual(GRANTED);
  expect(slept).toEqual([5_000, 5_000, 10_000, 10_000, 10_000, 15_000]);
});

test.each([
  ['no interval at all', 0, 1_000],
  ['an interval of days', 86_400_000, 60_000],
])('a server that wants %s', async (_name, interval, used) => {
  const { parts, slept } = setUp([GRANTED], { ...CODE, interval });
  await loginByCode(parts);
  expect(slept).toEqual([used]);
});

test.each([
  ['is refused', refusedWith('access_denied', ''), 'authorization-lost'],
  ['has expired', refusedWith('expired_token', ''), 'plain'],
])('a consent that %s ends it', async (_name, answer, cause) => {
  const { parts, slept } = setUp([pending, answer]);
  await expect(loginByCode(parts)).rejects.toMatchObject({ failure: { cause } });
  expect(slept).toHaveLength(2);
});

test('nobody types the code', async () => {
  const { parts, slept } = setUp([pending]);
  await expect(loginByCode(parts)).rejects.toMatchObject({ failure: { problem: expect.stringMatching(/nobody has typed the code/) } });
  expect(slept).toHaveLength(180);
});
