import { expect, test } from 'vitest';
import { Patience } from '../../src/server/patience.ts';
import * as replies from '../../src/server/replies.ts';

test('after ten refusals each costs a second more, and twenty end the session', () => {
  const patience = new Patience();
  const waits = Array.from({ length: 19 }, () => patience.refused() / 1000);
  expect(waits).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(patience.end).toBeUndefined();
  patience.refused();
  expect(patience.end).toBe(replies.tooManyErrors);
});

test('a hundred commands without a message are all', () => {
  const patience = new Patience();
  for (let count = 0; count < 100; count++) patience.idled();
  expect(patience.end).toBeUndefined();
  patience.idled();
  expect(patience.end).toBe(replies.tooManyCommands);
});

test('a message begins all anew', () => {
  const patience = new Patience();
  for (let count = 0; count < 19; count++) patience.refused();
  for (let count = 0; count < 100; count++) patience.idled();
  patience.renew();
  expect(patience.refused()).toBe(0);
  patience.idled();
  expect(patience.end).toBeUndefined();
});
