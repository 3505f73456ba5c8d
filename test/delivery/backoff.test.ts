import { expect, test } from 'vitest';
import { backOff } from '../../src/delivery/backoff.ts';
import { seededRandom } from '../support/fakes/random.ts';

const RANGE = { min: 60_000, max: 1_800_000 };

test('grows from the minimum to the maximum, jittered over the whole range', () => {
  const random = seededRandom(1);
  for (let failures = 0; failures < 40; failures++) {
    const wait = backOff(failures, RANGE, random);
    expect(wait).toBeGreaterThanOrEqual(30_000);
    expect(wait).toBeLessThanOrEqual(Math.min(1_800_000, 60_000 * 2 ** failures));
  }
});

test.each([
  [0, 0, 30_000],
  [0, 1, 60_000],
  [3, 1, 480_000],
  [1_000, 1, 1_800_000],
])('after %i failures, drawn at %d: %i ms', (failures, fraction, wait) => {
  expect(backOff(failures, RANGE, { fraction: () => fraction, bytes: () => Buffer.alloc(0) })).toBe(wait);
});
