// Compaction: what is needed moves on, so that segments come free.

import { expect, test } from 'vitest';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { bodyOf, put, SEGMENTS, segmentsOn, testSpool } from '../support/spool/spool.ts';

const text = (length: number, seed = 1) => seededRandom(seed).bytes(length);

test('old messages survive while the ring turns many times around them', async () => {
  const disk = powerLosingDisk();
  const clock = fakeClock();
  const { spool, news } = await testSpool(disk, { clock });
  const old = [];
  for (let at = 0; at < 10; at++) old.push((await put(spool, text(3_000, at))) as QueueId);
  for (let round = 0; round < 300; round++) {
    const id = (await put(spool, text(20_000, 1000 + round))) as QueueId;
    expect(id).not.toMatch(/full|failed/);
    spool.remove(id);
    await clock.advance(100);
  }
  expect(news.of('fault')).toEqual([]);
  expect((await segmentsOn(disk)).length).toBeLessThanOrEqual(SEGMENTS);
  await spool.close();
  const after = await testSpool(disk.kill());
  expect([...after.stored.keys()]).toEqual(old);
  for (let at = 0; at < 10; at++) expect((await bodyOf(after.spool, old[at] as QueueId)).equals(text(3_000, at))).toBe(true);
});
