// Ages are counted in the relay's running time, which must survive whatever ends a run.

import { expect, test } from 'vitest';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { put, testSpool } from '../support/spool/spool.ts';

const HOUR = 3_600_000;

/** A run of the relay on the disk. */
async function start(disk: PowerLosingDisk) {
  const clock = fakeClock();
  const { spool, stored } = await testSpool(disk, { clock, segmentSize: 256 * 1024 });
  /** In ms; negative for a message that is yet to come. */
  const age = (id: string) => clock.now() - (stored.get(id as QueueId)?.arrived ?? Number.NaN);
  return { clock, spool, age, stored };
}

test('a message is as old as the relay ran since, when it is killed right after', async () => {
  const disk = powerLosingDisk();
  const first = await start(disk);
  await first.clock.advance(8_000);
  const id = (await put(first.spool, Buffer.alloc(10))) as QueueId;
  const second = await start(disk.crash(seededRandom(1)));
  expect(second.age(id)).toBe(0);
});

test.each<readonly [string, (run: Awaited<ReturnType<typeof start>>, other: QueueId) => Promise<unknown>]>([
  ['the arrival of another', (run) => put(run.spool, Buffer.alloc(10))],
  ['the outcome of an attempt', (run, other) => run.spool.record(other, [], { attempts: 1, warned: false })],
  ['the delivery of another', async (run, other) => run.spool.remove(other)],
])('%s carries the running time', async (_what, write) => {
  const disk = powerLosingDisk();
  const first = await start(disk);
  const id = (await put(first.spool, Buffer.alloc(10))) as QueueId;
  const other = (await put(first.spool, Buffer.alloc(10))) as QueueId;
  await first.clock.advance(HOUR / 2);
  await write(first, other);
  await first.clock.advance(1_500);
  const second = await start(disk.crash(seededRandom(1)));
  expect(second.age(id)).toBeGreaterThanOrEqual(HOUR / 2);
  expect(second.age(id)).toBeLessThan(HOUR / 2 + 10_000);
});

test('a board that is cut every night ages its mail, though nothing else is written', async () => {
  let disk = powerLosingDisk();
  const { spool } = await start(disk);
  const id = (await put(spool, Buffer.alloc(10))) as QueueId;
  for (let night = 1; night <= 5; night++) {
    disk = disk.crash(seededRandom(night));
    const { clock, age } = await start(disk);
    // A cut costs an hour at most.
    expect(age(id)).toBeGreaterThanOrEqual((night - 1) * 9 * HOUR);
    expect(age(id)).toBeLessThanOrEqual((night - 1) * 10 * HOUR);
    await clock.advance(10 * HOUR);
  }
});

test('no age is ever negative, whatever was lost with the power', { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    let disk = powerLosingDisk();
    for (let run = 0; run < 4; run++) {
      const { clock, spool, stored } = await start(disk);
      for (const { arrived } of stored.values()) expect(clock.now() - arrived).toBeGreaterThanOrEqual(0);
      for (let step = 0; step < 6; step++) {
        await clock.advance(random.below(3) * HOUR + random.below(5_000));
        const id = (await put(spool, random.bytes(random.below(3_000)))) as QueueId;
        if (random.below(2) === 0) spool.remove(id);
      }
      disk = disk.crash(random);
    }
  }
});

test('while messages wait the time is written once an hour, and not at all while none does', async () => {
  const disk = powerLosingDisk();
  const { clock, spool } = await start(disk);
  const writes: string[] = [];
  disk.onOperation = (operation) => {
    if (operation === 'writev') writes.push(operation);
  };
  await clock.advance(48 * HOUR);
  expect(writes).toEqual([]);
  expect(clock.nextTimer(), 'nothing polls').toBeUndefined();

  const id = (await put(spool, Buffer.alloc(10))) as QueueId;
  writes.length = 0;
  await clock.advance(10 * HOUR);
  expect(writes.length).toBeGreaterThanOrEqual(9);
  expect(writes.length).toBeLessThanOrEqual(10);

  // A frame that carries it anyway postpones that.
  await clock.advance(1_500);
  writes.length = 0;
  for (let half = 0; half < 6; half++) {
    await clock.advance(HOUR / 2);
    await spool.record(id, [], { attempts: half, warned: false });
  }
  await clock.advance(1_500);
  expect(writes.length).toBe(6);

  spool.remove(id);
  await clock.advance(2 * HOUR);
  writes.length = 0;
  await clock.advance(48 * HOUR);
  expect(writes).toEqual([]);
  expect(clock.nextTimer()).toBeUndefined();
});
