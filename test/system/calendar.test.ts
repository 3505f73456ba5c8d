import { expect, test } from 'vitest';
import { Calendar } from '../../src/system/calendar.ts';
import type { WallTime } from '../../src/system/clock.ts';
import { clockContract } from '../contracts/clock.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const date = (text: string) => Date.parse(text) as WallTime;
const BUILT = date('2026-11-01');

function at(time: string, newest: string) {
  const clock = fakeClock();
  clock.setWall(date(time));
  const calendar = new Calendar(clock, BUILT, date(newest));
  return { clock, calendar, wall: () => new Date(calendar.wall()).toISOString().slice(0, 19) };
}

test.each([
  ['2026-11-24', '2026-11-20', '2026-11-24', false],
  ['1970-01-01', '2026-11-20', '2026-11-20', true],
  ['1970-01-01', '1970-01-01', '2026-11-01', true],
  // Of two dates after the program was made, either may be the wrong one.
  ['2026-11-10', '2026-11-20', '2026-11-10', true],
  ['2026-10-31', '2099-01-01', '2099-01-01', true],
])('the system says %s and %s was seen: it is %s', (time, newest, right, isBehind) => {
  const { calendar, wall } = at(time, newest);
  expect(wall()).toBe(`${right}T00:00:00`);
  expect(calendar.isBehind()).toBe(isBehind);
});

test('a date that was replaced goes on, until the system has a better one', async () => {
  const { clock, calendar, wall } = at('1970-01-01', '2026-11-20');
  await clock.advance(3_600_000);
  expect(wall()).toBe('2026-11-20T01:00:00');
  clock.setWall(date('2026-11-24'));
  expect(wall()).toBe('2026-11-24T00:00:00');
  expect(calendar.isBehind()).toBe(false);
});

clockContract('a calendar', () => {
  const clock = fakeClock();
  return { clock: new Calendar(clock, BUILT, BUILT), pass: (milliseconds) => clock.advance(milliseconds) };
});
