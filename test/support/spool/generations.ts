// A segment that is used again, with a power cut at every operation on the way; random schedules seldom cut there. The
// spool under test is passed in, as it is to the schedules.

import { expect } from 'vitest';
import type { QueueId } from '../../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../fakes/clock.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../fakes/disk.ts';
import { type SeededRandom, seededRandom } from '../fakes/random.ts';
import type { Subject } from './schedules.ts';
import { put, SEGMENT, testSpool } from './spool.ts';

/** Files as a power cut may leave them. */
export type Remains = ReadonlyMap<string, Buffer>;

const SMALL = 100;
const LARGE = 20_000;

/**
 * Begins generations of segments, in two ways, with a power cut at every operation. Rejects if a message that was
 * delivered comes back, one that was acknowledged is gone, or a power cut is reported as damage.
 */
export async function runGenerations(subject: Subject): Promise<void> {
  await useOver(subject);
  for (let n = 1; n <= 32; n++) for (const delivered of ['all', 'every other'] as const) await failAndGoOn(subject, n, delivered);
}

/**
 * Small messages are sent and delivered, each with its body, its commit and its `done` in the same segment; then that
 * segment is used again.
 */
async function useOver(subject: Subject): Promise<void> {
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
    const { stored } = await openAfterCut(state, subject);
    for (const { octets } of stored.values()) expect(octets, 'only what was just sent can be there').toBe(LARGE);
  }
}

/** The n-th write or sync fails, so that a segment is given up and the log goes on in another. */
async function failAndGoOn(subject: Subject, n: number, delivered: 'all' | 'every other'): Promise<void> {
  const disk = powerLosingDisk();
  const clock = fakeClock();
  const { spool } = await testSpool(subject.wrap?.(disk) ?? disk, { clock, open: subject.open });
  let left = n;
  disk.onOperation = (operation) => {
    if (operation !== 'writev' && operation !== 'datasync') return;
    left -= 1;
    if (left === 0) throw Object.assign(new Error('a bad card'), { code: 'EIO' });
  };
  const kept = new Set<QueueId>();
  let acknowledged = 0;
  const seen: { readonly state: Remains; readonly kept: readonly QueueId[]; readonly acknowledged: number }[] = [];
  const use = async () => {
    for (let at = 0; at < 7; at++) {
      const id = await put(spool, Buffer.alloc(LARGE, 'x'));
      if (id === 'failed' || id === 'full') continue;
      kept.add(id);
      acknowledged += 1;
      if (delivered === 'every other' && at % 2 === 0) continue;
      kept.delete(id);
      spool.remove(id);
      await clock.advance(2_000);
    }
  };
  await remainsOfCuts(disk, seededRandom(n), 1, use, (state) => seen.push({ state, kept: [...kept], acknowledged }));
  for (const one of seen) {
    const { spool: after, stored } = await openAfterCut(one.state, subject);
    if (one.acknowledged > 0) expect(after.instance, 'it is still the same spool').toBe(spool.instance);
    for (const id of one.kept) expect(stored.has(id), `acknowledged ${id} is there`).toBe(true);
  }
}

async function openAfterCut(state: Remains, subject: Subject) {
  const opened = await testSpool(powerLosingDisk(state), { open: subject.open, random: seededRandom(2) });
  expect(opened.news.of('spoolDamaged'), 'a power cut is not damage').toEqual([]);
  return opened;
}

/**
 * What a power cut before each operation of `use`, and after the last, may leave on the disk: `each` states for every
 * cut, chosen by `random`.
 */
export async function remainsOfCuts(
  disk: PowerLosingDisk,
  random: SeededRandom,
  each: number,
  use: () => Promise<unknown>,
  visit: (state: Remains) => void = () => {},
): Promise<readonly Remains[]> {
  const states: Remains[] = [];
  const gather = () => {
    for (let which = 0; which < each; which++) {
      const state = disk.remains(random);
      states.push(state);
      visit(state);
    }
  };
  const before = disk.onOperation;
  disk.onOperation = (operation, name) => {
    if (operation !== 'read') gather();
    before(operation, name);
  };
  await use();
  disk.onOperation = before;
  gather();
  return states;
}
