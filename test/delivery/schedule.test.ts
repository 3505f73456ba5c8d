import { describe, expect, test } from 'vitest';
import { type PendingMessage, Schedule } from '../../src/delivery/schedule.ts';
import type { Monotonic } from '../../src/system/clock.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { queued } from '../support/fakes/delivery.ts';
import { seededRandom } from '../support/fakes/random.ts';

const at = (milliseconds: number) => milliseconds as Monotonic;
const message = (id: string, device = 'cam'): PendingMessage => ({ ...queued(id, { device }), trouble: undefined, problem: undefined });
const ids = (...names: string[]) => new Set(names as QueueId[]);

/** The ids of all that is due. */
function takeAll(schedule: Schedule, now: number): string[] {
  const taken: string[] = [];
  for (let one = schedule.take(at(now)); one !== undefined; one = schedule.take(at(now))) taken.push(one.id);
  return taken;
}

test('devices take turns', () => {
  const schedule = new Schedule();
  for (let count = 0; count < 100; count++) schedule.offer(message(`cam${count}`), at(0));
  schedule.offer(message('smoke', 'detector'), at(1));
  const order = Array.from({ length: 3 }, () => schedule.take(at(5))?.id);
  expect(order).toContain('smoke');
  expect([...schedule.list()]).toHaveLength(98);
});

test('what is due comes in order of time', () => {
  const schedule = new Schedule();
  const random = seededRandom(3);
  const times = Array.from({ length: 500 }, () => random.below(10_000));
  for (const time of times) schedule.offer(message(`${time}`), at(time));
  const taken: number[] = [];
  for (let now = 0; now <= 10_000; now += 10) taken.push(...takeAll(schedule, now).map(Number));
  expect(taken).toEqual([...times].sort((one, other) => one - other));
  expect(schedule.wakeAt(at(0))).toBe('never');
});

test('when something is due next', () => {
  const schedule = new Schedule();
  expect(schedule.wakeAt(at(0))).toBe('never');
  expect(schedule.hasDue(at(0))).toBe(false);
  schedule.offer(message('later'), at(300));
  schedule.offer(message('sooner'), at(200));
  expect(schedule.wakeAt(at(0))).toBe(200);
  expect(schedule.hasDue(at(199))).toBe(false);
  expect(schedule.hasDue(at(200))).toBe(true);
});

describe('by hand', () => {
  const filled = () => {
    const schedule = new Schedule();
    for (const [name, time] of [
      ['A', 100],
      ['B', 300],
      ['C', 200],
    ] as const)
      schedule.offer(message(name), at(time));
    return schedule;
  };

  test('all are made due, in the order in which they would have been', () => {
    const schedule = filled();
    schedule.hurry();
    expect(takeAll(schedule, 0)).toEqual(['A', 'C', 'B']);
  });

  test('some are made due, the others keep their time', () => {
    const schedule = filled();
    schedule.hurry(ids('B', 'unknown'));
    expect(takeAll(schedule, 0)).toEqual(['B']);
    expect(schedule.wakeAt(at(0))).toBe(100);
    expect(takeAll(schedule, 1_000)).toEqual(['A', 'C']);
  });

  test('some are taken out, due or not', () => {
    const schedule = filled();
    schedule.hurry(ids('A'));
    expect([...schedule.remove(ids('A', 'B', 'unknown'))].sort()).toEqual(['A', 'B']);
    expect(takeAll(schedule, 1_000)).toEqual(['C']);
  });

  test('all are listed, those that are due first', () => {
    const schedule = filled();
    schedule.hurry(ids('B'));
    const listed = [...schedule.list()].map(({ message: { id }, at: time }) => [id, time]);
    expect(listed[0]).toEqual(['B', 'due']);
    expect(listed.slice(1).sort()).toEqual([
      ['A', 100],
      ['C', 200],
    ]);
  });
});
