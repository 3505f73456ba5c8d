// Messages whose upstreams differ do not wait for each other.

import { expect, test } from 'vitest';
import { Lanes } from '../../src/delivery/lanes.ts';
import type { Carrier } from '../../src/delivery/queue.ts';
import { Routes } from '../../src/delivery/routes.ts';
import type { PendingMessage } from '../../src/delivery/schedule.ts';
import type { Monotonic } from '../../src/system/clock.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { upstreamFailure } from '../support/fakes/delivery.ts';
import { collectNews } from '../support/fakes/news.ts';
import { seededRandom } from '../support/fakes/random.ts';

const carrier = (name: string): Carrier => ({ name, send: () => Promise.reject(new Error('nothing is sent here')) });
const [one, two] = [carrier('one'), carrier('two')];

function setUp() {
  const clock = fakeClock();
  const routes = new Routes({ carriers: [one, two], rate: undefined, clock, random: seededRandom(1), tell: collectNews().tell });
  const lanes = new Lanes(routes);
  const offer = (id: string, carriers?: readonly Carrier[], at = clock.now()) => {
    const message: PendingMessage = {
      id: id as QueueId,
      octets: 1,
      device: 'cam',
      arrived: clock.now(),
      attempts: 0,
      warned: false,
      trouble: undefined,
      problem: undefined,
      ...(carriers === undefined ? {} : { carriers }),
    };
    lanes.offer(message, at);
  };
  const take = () => {
    const next = lanes.take(clock.now());
    return next === undefined ? undefined : `${next.message.id} by ${next.carrier.name}`;
  };
  return { clock, routes, lanes, offer, take };
}

test('each goes to an upstream that takes it, lanes taking turns', () => {
  const { offer, take } = setUp();
  for (const id of ['A', 'B']) offer(id, [one]);
  for (const id of ['C', 'D']) offer(id, [two]);
  offer('E');
  expect([take(), take(), take(), take(), take(), take()]).toEqual(['A by one', 'C by two', 'E by one', 'B by one', 'D by two', undefined]);
});

test('one whose upstream is down does not hold up the others', () => {
  const { clock, routes, lanes, offer, take } = setUp();
  routes.failed(one, 'Z' as QueueId, upstreamFailure());
  offer('A', [one]);
  offer('B', [two]);
  expect([take(), take()]).toEqual(['B by two', undefined]);
  expect(lanes.wakeAt(clock.now())).toBe(routes.opensAt(clock.now(), [one]));
});

test('all lanes are listed, hurried, and removed from', () => {
  const { clock, lanes, offer, take } = setUp();
  const later = (clock.now() + 60_000) as Monotonic;
  for (const [id, to] of [
    ['A', one],
    ['B', two],
    ['C', two],
  ] as const)
    offer(id, [to], later);
  expect(take()).toBeUndefined();
  expect(lanes.remove(new Set(['B' as QueueId]))).toEqual(new Set(['B']));
  lanes.hurry();
  expect([...lanes.list()].map(({ message }) => message.id)).toEqual(['A', 'C']);
  expect([take(), take(), take()]).toEqual(['A by one', 'C by two', undefined]);
});
