import { expect, test } from 'vitest';
import { MOST_ADDED_OCTETS } from '../../src/message/trace.ts';
import { SizeLimit } from '../../src/server/size-limit.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const MIB = 2 ** 20;

function setUp(own: { maxMessage?: number; largest?: number; size?: number | undefined } = {}) {
  const clock = fakeClock();
  const upstream: { size: number | undefined } = { size: own.size };
  let asked = 0;
  const limit = new SizeLimit({
    maxMessage: own.maxMessage ?? 20 * MIB,
    largest: own.largest ?? 50 * MIB,
    upstreamSize: () => upstream.size,
    relearn: () => {
      asked += 1;
    },
    clock,
  });
  return { limit, clock, upstream, asked: () => asked };
}

test.each([
  ['the maximum', {}, 20 * MIB],
  ['the upstream, less what is added', { size: 10 * MIB }, 10 * MIB - MOST_ADDED_OCTETS],
  ['an upstream that takes more', { size: 100 * MIB }, 20 * MIB],
  ['the spool, less what is added', { largest: 5 * MIB }, 5 * MIB - MOST_ADDED_OCTETS],
  ['an upstream that takes nothing', { size: 100 }, 0],
  ['a spool that holds nothing', { largest: 100 }, 0],
])('%s', (_, own, octets) => expect(setUp(own).limit.octets).toBe(octets));

test('follows the SIZE of the upstream', () => {
  const { limit, upstream } = setUp({ size: 10 * MIB });
  upstream.size = 15 * MIB;
  expect(limit.octets).toBe(15 * MIB - MOST_ADDED_OCTETS);
  upstream.size = undefined;
  expect(limit.octets).toBe(20 * MIB);
});

test('at the start an upstream is asked only if what it said last time lowers the limit', () => {
  const lowered = setUp({ size: 10 * MIB });
  lowered.limit.start();
  expect(lowered.asked()).toBe(1);
  const free = setUp({ size: 100 * MIB });
  free.limit.start();
  expect(free.asked()).toBe(0);
});

test('a message that only the upstream keeps out has it asked, at most once in five minutes', async () => {
  const { limit, clock, asked } = setUp({ size: 10 * MIB });
  limit.exceeded(21 * MIB);
  expect(asked()).toBe(0);
  limit.exceeded(12 * MIB);
  limit.exceeded(12 * MIB);
  expect(asked()).toBe(1);
  await clock.advance(5 * 60_000);
  limit.exceeded(12 * MIB);
  expect(asked()).toBe(2);
});
