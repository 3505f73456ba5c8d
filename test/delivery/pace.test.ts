import { expect, test } from 'vitest';
import { Pace } from '../../src/delivery/pace.ts';
import type { Monotonic } from '../../src/system/clock.ts';

const at = (milliseconds: number) => milliseconds as Monotonic;

test('without a rate, and without a provider that wants less, messages go at once', () => {
  const pace = new Pace(undefined, at(0));
  for (let count = 0; count < 100; count++) {
    pace.start(at(5));
    expect(pace.opensAt(at(5))).toBe(5);
  }
  expect(pace.isSlowed).toBe(false);
});

test('a rate lets so many go, then one at a time', () => {
  const pace = new Pace({ count: 2, per: 60_000 }, at(0));
  pace.start(at(0));
  expect(pace.opensAt(at(0))).toBe(0);
  pace.start(at(0));
  expect(pace.opensAt(at(0))).toBe(30_000);
  expect(pace.opensAt(at(30_000))).toBe(30_000);
});

test('the gap begins at 15 s, doubles to a quarter of an hour, and holds between messages', () => {
  const pace = new Pace(undefined, at(0));
  let now = 0;
  const gaps: number[] = [];
  for (let count = 0; count < 8; count++) {
    pace.slowDown(at(now), 'less');
    gaps.push(pace.opensAt(at(now)) - now);
    now = pace.opensAt(at(now));
    pace.start(at(now));
  }
  expect(gaps).toEqual([15_000, 30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000]);
  expect(pace.opensAt(at(now))).toBe(now + 900_000);
  expect(pace.isSlowed).toBe(true);
});

test('several messages that were under way together slow it down once', () => {
  const pace = new Pace(undefined, at(0));
  for (const now of [0, 10, 14_999]) pace.slowDown(at(now), 'less');
  expect(pace.opensAt(at(14_999))).toBe(15_000);
});

test('what only seems to be a wish for less makes the gap two minutes at most, and none shorter', () => {
  const gapAfter = (...wishes: readonly ('perhaps' | 'less' | 'least')[]) => {
    const pace = new Pace(undefined, at(0));
    let now = 0;
    for (const how of wishes) {
      now = pace.opensAt(at(now));
      pace.slowDown(at(now), how);
    }
    return pace.opensAt(at(now)) - now;
  };
  expect(gapAfter(...Array(8).fill('perhaps'))).toBe(120_000);
  expect(gapAfter('least', 'perhaps')).toBe(900_000);
});

test('what is used up for hours makes the gap the longest at once, also after a smaller wish', () => {
  const pace = new Pace(undefined, at(0));
  pace.slowDown(at(0), 'less');
  pace.slowDown(at(10), 'least');
  expect(pace.opensAt(at(10))).toBe(900_010);
});

test('a message that goes through shortens the gap to seconds, however long it was; the next ones end it', () => {
  const pace = new Pace(undefined, at(0));
  pace.slowDown(at(0), 'least');
  let now = 900_000;
  const gaps: number[] = [];
  for (let count = 0; count < 4; count++) {
    pace.start(at(now));
    pace.speedUp(at(now));
    gaps.push(pace.opensAt(at(now)) - now);
    now = pace.opensAt(at(now));
  }
  expect(gaps).toEqual([4_000, 2_000, 1_000, 0]);
  expect(pace.isSlowed).toBe(false);
});
