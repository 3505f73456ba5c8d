import { expect, test } from 'vitest';
import { atMostEvery } from '../../src/system/at-most-every.ts';
import { fakeClock } from '../support/fakes/clock.ts';

test('work is done at the first request, and then once in each interval', async () => {
  const clock = fakeClock();
  let count = 0;
  const ask = atMostEvery(1_000, clock, () => {
    count += 1;
  });
  expect([ask(), ask()]).toEqual(['done', 'too-soon']);
  await clock.advance(999);
  expect(ask()).toBe('too-soon');
  await clock.advance(1);
  expect([ask(), ask()]).toEqual(['done', 'too-soon']);
  expect(count).toBe(2);
});
