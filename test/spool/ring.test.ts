// The ring: segments are used again, replaced and given up.

import { expect, test } from 'vitest';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { bodyOf, put, SEGMENT, segmentsOn, testSpool } from '../support/spool/spool.ts';

const text = (length: number, seed = 1) => seededRandom(seed).bytes(length);

test('turns over for ever: far more mail than it holds goes through', async () => {
  const disk = powerLosingDisk();
  const clock = fakeClock();
  const { spool } = await testSpool(disk, { clock });
  for (let round = 0; round < 200; round++) {
    const id = await put(spool, text(20_000, round));
    expect(id).not.toMatch(/full|failed/);
    expect((await bodyOf(spool, id as QueueId)).equals(text(20_000, round))).toBe(true);
    spool.remove(id as QueueId);
    await clock.advance(100);
  }
  expect((await segmentsOn(disk)).length).toBeLessThanOrEqual(4);
});

test('a smaller SPOOL_SIZE takes effect as segments come free', async () => {
  const disk = powerLosingDisk();
  const first = await testSpool(disk);
  const ids = [];
  for (let at = 0; at < 10; at++) ids.push((await put(first.spool, text(20_000, at))) as QueueId);
  await first.spool.close();
  const clock = fakeClock();
  const small = powerLosingDisk(new Map((await disk.list()).map((name) => [name, disk.contents(name)])));
  const { spool } = await testSpool(small, { segments: 5, clock });
  for (const id of ids) spool.remove(id);
  for (let at = 0; at < 30; at++) {
    await clock.advance(2_000);
    const id = await put(spool, text(20_000, at));
    if (id !== 'full') spool.remove(id as QueueId);
  }
  expect((await segmentsOn(small)).length).toBeLessThanOrEqual(5);
});

test('segments of another size are replaced as they come free, over restarts and a power cut', async () => {
  let disk = powerLosingDisk();
  const kept: QueueId[] = [];
  for (const segmentSize of [SEGMENT, 2 * SEGMENT, SEGMENT / 2]) {
    const clock = fakeClock();
    const { spool, stored, news } = await testSpool(disk, { clock, segmentSize, segments: 24 });
    expect([...stored.keys()]).toEqual(kept);
    expect(news.of('spoolDamaged')).toEqual([]);
    for (let round = 0; round < 12; round++) {
      spool.remove((await put(spool, text(15_000, round))) as QueueId);
      await clock.advance(2_000);
    }
    kept.push((await put(spool, text(15_000, segmentSize))) as QueueId);
    expect(news.of('spoolFailed')).toEqual([]);
    disk = disk.crash(seededRandom(segmentSize));
  }
  const clock = fakeClock();
  const { spool } = await testSpool(disk, { clock, segmentSize: SEGMENT, segments: 24 });
  for (const id of kept) spool.remove(id);
  for (let round = 0; round < 12; round++) {
    await clock.advance(2_000);
    spool.remove((await put(spool, text(15_000, round))) as QueueId);
  }
  for (const name of await segmentsOn(disk)) expect(disk.contents(name).length).toBe(SEGMENT);
});
