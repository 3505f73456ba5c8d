// When an access token is renewed, and how often.

import { describe, expect, test } from 'vitest';
import { lost, unavailable } from '../../src/oauth/failure.ts';
import { type Obtain, type Obtained, RenewedToken } from '../../src/oauth/renewal.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const HOUR = 3_600_000;

function setUp(
  answer: (count: number) => Obtained | Error | Promise<Obtained> = (count) => ({ accessToken: `t${count}`, lifetime: HOUR }),
) {
  const clock = fakeClock();
  let count = 0;
  const obtain: Obtain = async () => {
    const what = await answer(++count);
    if (what instanceof Error) throw what;
    return what;
  };
  return { clock, source: new RenewedToken(clock, obtain), asked: () => count };
}

test('a token is kept until five minutes before its end', async () => {
  const { clock, source, asked } = setUp();
  expect(await source.token()).toBe('t1');
  await clock.advance(HOUR - 5 * 60_000 - 1);
  expect(await source.token()).toBe('t1');
  await clock.advance(1);
  expect(await source.token()).toBe('t2');
  expect(asked()).toBe(2);
});

test('a token of a short life is kept for four fifths of it, and one of unknown life for eight minutes', async () => {
  for (const [lifetime, kept] of [
    [10_000, 8_000],
    [undefined, 480_000],
  ] as const) {
    const { clock, source, asked } = setUp((count) => ({ accessToken: `t${count}`, lifetime }));
    await source.token();
    await clock.advance(kept - 1);
    await source.token();
    expect(asked()).toBe(1);
    await clock.advance(1);
    await source.token();
    expect(asked()).toBe(2);
  }
});

test.each([
  ['1970', 0],
  ['twenty years ahead', Date.UTC(2046, 1, 1)],
])('the date does not count: it is set to %s', async (_name, date) => {
  const { clock, source, asked } = setUp();
  await source.token();
  clock.setWall(date);
  expect(await source.token()).toBe('t1');
  await clock.advance(HOUR);
  expect(await source.token()).toBe('t2');
  expect(asked()).toBe(2);
});

test('five that wait at once are served by one renewal', async () => {
  let finish = (_: Obtained) => {};
  const { source, asked } = setUp(
    () =>
      new Promise((resolve) => {
        finish = resolve;
      }),
  );
  const all = [1, 2, 3, 4, 5].map(() => source.token());
  await new Promise((resolve) => setImmediate(resolve));
  finish({ accessToken: 't1', lifetime: HOUR });
  expect(await Promise.all(all)).toEqual(['t1', 't1', 't1', 't1', 't1']);
  expect(asked()).toBe(1);
});

describe('a token that the upstream refused', () => {
  test('is not given out again, however many say so', async () => {
    const { source, asked } = setUp();
    await source.token();
    for (let connection = 0; connection < 5; connection++) source.refused('t1');
    expect(await source.token()).toBe('t2');
    source.refused('t1'); // a connection that was slow
    expect(await source.token()).toBe('t2');
    expect(asked()).toBe(2);
  });
});

describe('no token', () => {
  test('an outage: the token that is left serves to its end', async () => {
    const { clock, source } = setUp((count) => (count === 1 ? { accessToken: 't1', lifetime: HOUR } : unavailable('away')));
    await source.token();
    await clock.advance(HOUR - 1);
    expect(await source.token()).toBe('t1');
    await clock.advance(1);
    expect(await source.token()).toEqual({ cause: 'plain', problem: 'away' });
  });
  test('the authorization is lost', async () => {
    const { source } = setUp(() => lost('gone', 'log in'));
    expect(await source.token()).toEqual({ cause: 'authorization-lost', problem: 'gone', advice: 'log in' });
  });
  test('a fault of our own is none of the upstream', async () => {
    const { source } = setUp(() => new TypeError('bug'));
    await expect(source.token()).rejects.toThrow('bug');
  });
});
