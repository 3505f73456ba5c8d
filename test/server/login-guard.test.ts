import { expect, test } from 'vitest';
import { LoginGuard } from '../../src/server/login-guard.ts';
import { fakeClock } from '../support/fakes/clock.ts';

test('each wrong password costs more, up to ten seconds, for that address alone', async () => {
  const clock = fakeClock();
  const guard = new LoginGuard(clock);
  const waits: number[] = [];
  for (let count = 0; count < 9; count++) {
    guard.wrong('a');
    waits.push(guard.waitOf('a'));
  }
  expect(waits).toEqual([0, 0, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
  expect(guard.waitOf('b')).toBe(0);
  await clock.advance(4_000);
  expect(guard.waitOf('a')).toBe(6_000);
});

test('a right one, or a quarter of an hour, and all is forgotten', async () => {
  const clock = fakeClock();
  const guard = new LoginGuard(clock);
  for (let count = 0; count < 9; count++) guard.wrong('a');
  guard.right('a');
  guard.wrong('a');
  expect(guard.waitOf('a')).toBe(0);
  for (let count = 0; count < 9; count++) guard.wrong('b');
  await clock.advance(15 * 60_000);
  guard.wrong('b');
  expect(guard.waitOf('b')).toBe(0);
});

test('a flood of addresses does not free the one that guesses', () => {
  const guard = new LoginGuard(fakeClock());
  for (let count = 0; count < 2_000; count++) {
    guard.wrong(`address-${count}`);
    guard.wrong('guesser');
  }
  expect(guard.waitOf('guesser')).toBe(10_000);
});

test('the addresses of an IPv6 network are one, but for those that have logged in', () => {
  const guard = new LoginGuard(fakeClock());
  guard.right('2001:db8::1');
  for (let count = 2; count < 11; count++) guard.wrong(`2001:db8::${count}`);
  expect(guard.waitOf('2001:db8:0:0:ffff::1')).toBe(10_000);
  expect(guard.waitOf('2001:db8:0:1::1')).toBe(0);
  expect(guard.waitOf('2001:db8::1')).toBe(0);
  for (let count = 0; count < 4; count++) guard.wrong('2001:db8::1');
  expect(guard.waitOf('2001:db8::1')).toBe(2_000);
});
