import { expect, test } from 'vitest';
import { type LoginFailure, LoginPace } from '../../src/delivery/login-pace.ts';
import type { Monotonic } from '../../src/system/clock.ts';

const NOW = 0 as Monotonic;
/** Always adds nothing by chance. */
const random = { fraction: () => 0, bytes: () => Buffer.alloc(0) };
const waitsOf =
  (how: LoginFailure, pace = new LoginPace(random)) =>
  () => {
    pace.failed(how, NOW);
    return (pace.opensAt ?? NOW) - NOW;
  };

test('a password of which nothing was said: 15 s, doubling to a quarter of an hour', () => {
  const waits = Array.from({ length: 8 }, waitsOf('unanswered'));
  expect(waits).toEqual([15_000, 30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000]);
});

test('one that was judged wrong: a quarter of an hour, doubling to four hours', () => {
  const waits = Array.from({ length: 6 }, waitsOf('refused'));
  expect(waits.map((wait) => wait / 60_000)).toEqual([15, 30, 60, 120, 240, 240]);
});

test('one that has worked before gets one early second chance', () => {
  const pace = new LoginPace(random);
  pace.worked();
  const waits = Array.from({ length: 3 }, waitsOf('refused', pace));
  expect(waits.map((wait) => wait / 60_000)).toEqual([0, 15, 30]);
  pace.worked();
  expect(pace.opensAt).toBeUndefined();
});
