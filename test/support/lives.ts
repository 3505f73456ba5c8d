// A segment that is used again, with a power cut at every operation on the way; random schedules cut there
// too seldom. The spool under test is passed in, as to the schedules.

import { expect } from 'vitest';
import type { QueueId } from '../../src/events.ts';
import { fakeClock } from './clock.ts';
import { type PowerLosingDisk, powerLosingDisk } from './disk.ts';
import { type SeededRandom, seededRandom } from './random.ts';
import type { Subject } from './schedules.ts';
import { put, SEGMENT, testSpool } from './spool.ts';

/** Files as a power cut may leave them. */
export type Remains = ReadonlyMap<string, Buffer>;

const SMALL = 100;
const LARGE = 20_000;

/**
 * Small messages are sent and delivered, each with its body, its commit and its `done` in the same
 * segment; then that segment is used again. Rejects if one of them comes back, or is said to be lost,
 * wherever the power goes meanwhile.
 */
export async function runLives(subject: Subject): Promise<void> {
  const disk = powerLosingDisk();
  const clock = fakeClock();
  const { spool } = await testSpool(subject.wrap?.(disk) ?? disk, { clock, open: subject.open });
  const deliver = async (octets: number) => {
    spool.remove((await put(spool, Buffer.alloc(octets, 'x'))) as QueueId);
    await clock.advance(2_000);
  };
  for (let small = 0; small < 4; small++) await deliver(SMALL);
  const states = await remainsOfCuts(disk, seededRandom(5), 12, async () => {
    for (let octets = 0; octets < 3 * SEGMENT; octets += LARGE) await deliver(LARGE);
  });
  expect(states.length).toBeGreaterThan(300);
  for (const state of states) {
    const { stored, news } = await testSpool(powerLosingDisk(state), { open: subject.open });
    expect(news.of('spoolDamaged'), 'a power cut is not damage').toEqual([]);
    for (const { octets } of stored.values()) expect(octets, 'only what was just sent can be there').toBe(LARGE);
  }
}

/** What a power cut before each operation of `use`, and after the last, may leave on the disk: `each` states a cut, chosen by `random`. */
export async function remainsOfCuts(
  disk: PowerLosingDisk,
  random: SeededRandom,
  each: number,
  use: () => Promise<unknown>,
): Promise<readonly Remains[]> {
  const states: Remains[] = [];
  const gather = () => {
    for (let which = 0; which < each; which++) states.push(disk.remains(random));
  };
  const before = disk.onOperation;
  disk.onOperation = (operation) => {
    if (operation !== 'read') gather();
  };
  await use();
  disk.onOperation = before;
  gather();
  return states;
}
