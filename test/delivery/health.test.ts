import { expect, test } from 'vitest';
import { afterFailure, type Down, type Health, opensAt, UP, whileSending } from '../../src/delivery/health.ts';
import type { Monotonic } from '../../src/system/clock.ts';
import { upstreamFailure } from '../support/fakes/delivery.ts';

const at = (milliseconds: number) => milliseconds as Monotonic;
const failure = upstreamFailure();
/** Twice the wait with each failure. */
const failing = (health: Health, now: number): Down =>
  afterFailure(health, failure, at(now), (failures) => at(now + 5_000 * 2 ** failures));

test('an upstream that fails is down since then, and probed after a while', () => {
  const down = failing(UP, 1_000);
  expect(down).toEqual({ state: 'down', since: 1_000, failures: 0, probeAt: 6_000, failure });
  expect(opensAt(UP)).toBe('now');
  expect(opensAt(down)).toBe(6_000);
});

test('a message that is sent while it is down is the probe; its failure counts', () => {
  let health: Health = failing(UP, 0);
  const waits: number[] = [];
  for (let now = 10_000; waits.length < 5; now += 200_000) {
    health = whileSending(health);
    expect(health.state).toBe('probing');
    expect(opensAt(health)).toBe('unknown');
    const down = failing(health, now);
    waits.push(down.probeAt - now);
    health = down;
  }
  expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000]);
  expect(health).toMatchObject({ since: 0 });
});

test('of several connections that fail together, the first sets the wait', () => {
  const first = failing(UP, 0);
  expect(failing(first, 1_000)).toBe(first);
});

test('an upstream that is up stays so while a message is under way', () => {
  expect(whileSending(UP)).toBe(UP);
});
