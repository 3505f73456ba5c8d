import { expect, test } from 'vitest';
import { Turns } from '../../src/upstream/turns.ts';

const never = new AbortController().signal;

/** Work that goes on until it is told to end. */
function workIn(turns: Turns, stop = never) {
  let end = () => {};
  const state = { isRunning: false };
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const done = turns.take(async () => {
    state.isRunning = true;
    await ended;
  }, stop);
  return { state, end, done };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('all at once, where the upstream takes more than one connection', async () => {
  const turns = new Turns(() => false);
  const [first, second] = [workIn(turns), workIn(turns)];
  await settle();
  expect([first.state.isRunning, second.state.isRunning, turns.active]).toEqual([true, true, 2]);
});

test('one after the other, from when that is learned on; what fails gives its turn up too', async () => {
  let isSingle = false;
  const turns = new Turns(() => isSingle);
  const [first, second] = [workIn(turns), workIn(turns)];
  isSingle = true;
  const [third, fourth] = [workIn(turns), workIn(turns)];
  first.end();
  await settle();
  expect(third.state.isRunning).toBe(false);
  second.end();
  await settle();
  expect([third.state.isRunning, fourth.state.isRunning]).toEqual([true, false]);
  third.end();
  await third.done;
  await settle();
  expect(fourth.state.isRunning).toBe(true);
  fourth.end();
  await expect(turns.take(() => Promise.reject(new Error('x')), never)).rejects.toThrow('x');
  expect(turns.active).toBe(0);
});

test('a stop ends the wait', async () => {
  const turns = new Turns(() => true);
  workIn(turns);
  const stop = new AbortController();
  const second = workIn(turns, stop.signal);
  await settle();
  expect(second.state.isRunning).toBe(false);
  stop.abort();
  await settle();
  expect(second.state.isRunning).toBe(true);
});
