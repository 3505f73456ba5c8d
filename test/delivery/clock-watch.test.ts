import { expect, test } from 'vitest';
import { ClockWatch } from '../../src/delivery/clock-watch.ts';
import { fakeClock, START_OF_TIME } from '../support/fakes/clock.ts';

function setUp() {
  const clock = fakeClock();
  const jumps: number[] = [];
  return { clock, jumps, watch: new ClockWatch(clock, () => jumps.push(clock.now())) };
}

test.each([20_000, -20_000, 20 * 365 * 86_400_000])('a date that is set by %i ms is noticed once', async (by) => {
  const { clock, jumps, watch } = setUp();
  watch.start();
  await clock.advance(60_000);
  expect(jumps).toEqual([]);
  clock.setWall(clock.wall() + by);
  await clock.advance(60_000);
  expect(jumps).toHaveLength(1);
  expect(clock.nextTimer()).toBeUndefined();
});

test('a date that is only slewed is no jump', async () => {
  const { clock, jumps, watch } = setUp();
  watch.start();
  for (let count = 0; count < 3; count++) {
    clock.setWall(clock.wall() + 3_000);
    await clock.advance(2_000);
  }
  expect(jumps).toEqual([]);
});

test('no timer runs before it is started, nor after it is stopped', async () => {
  const { clock, jumps, watch } = setUp();
  expect(clock.nextTimer()).toBeUndefined();
  watch.start();
  watch.start();
  watch.stop();
  expect(clock.nextTimer()).toBeUndefined();
  clock.setWall(START_OF_TIME + 86_400_000);
  await clock.advance(10_000);
  expect(jumps).toEqual([]);
});
