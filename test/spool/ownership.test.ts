// Two relays in one folder: the one that finds out stops writing, and what it acknowledged is there.

import { expect, test } from 'vitest';
import { openSpool } from '../../src/spool/spool.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../support/fakes/disk.ts';
import { collectNews } from '../support/fakes/news.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { put, SEGMENT, SEGMENTS, testSpool } from '../support/spool/spool.ts';

type Look = 'held' | 'renewed' | 'lost';

async function relayOn(disk: PowerLosingDisk, seed: number, look: () => Look = () => 'held') {
  const news = collectNews();
  const problems: string[] = [];
  const spool = await openSpool({
    disk,
    clock: fakeClock(),
    random: seededRandom(seed),
    tell: news.tell,
    segmentSize: SEGMENT,
    segments: SEGMENTS,
    hold: { look: async () => look() },
    lost: (problem) => problems.push(problem),
  });
  return { spool, news, problems };
}

test('once the lock is lost nothing is acknowledged or written any more', async () => {
  const disk = powerLosingDisk();
  let look: Look = 'held';
  const { spool, news, problems } = await relayOn(disk, 1, () => look);
  const before = await put(spool, Buffer.alloc(100));
  look = 'lost';
  expect(await put(spool, Buffer.alloc(100))).toBe('failed');
  let written = 0;
  disk.onOperation = (operation) => {
    if (operation !== 'read') written += 1;
  };
  look = 'held';
  for (const octets of [100, 90_000]) expect(await put(spool, Buffer.alloc(octets))).toBe('failed');
  spool.remove(before as QueueId);
  await spool.close();
  expect(written).toBe(0);
  expect(problems).toEqual(['another relay uses the spool of this one: its lock belongs to another relay']);
  expect(news.of('fault')).toHaveLength(1);
});

test('a lock that was made again is reported, and mail goes on', async () => {
  const looks: Look[] = ['held', 'renewed'];
  const { spool, news, problems } = await relayOn(powerLosingDisk(), 1, () => looks.shift() ?? 'held');
  for (let at = 0; at < 3; at++) expect(await put(spool, Buffer.alloc(100))).not.toBe('failed');
  expect({ faults: news.of('fault').length, problems }).toEqual({ faults: 1, problems: [] });
});

test.each(['the first', 'the second'])('without a lock, %s relay that writes finds the manifest of the other, and stops', async (which) => {
  const disk = powerLosingDisk();
  const first = await relayOn(disk, 1);
  await put(first.spool, Buffer.alloc(100));
  const second = await relayOn(disk, 2);
  const [writer, other] = which === 'the first' ? [second, first] : [first, second];
  // So much that it begins segments.
  for (let at = 0; at < 3; at++) expect(await put(writer.spool, Buffer.alloc(30_000))).not.toBe('failed');
  const results = [await put(other.spool, Buffer.alloc(30_000)), await put(other.spool, Buffer.alloc(30_000))];
  expect(results).toContain('failed');
  expect(other.problems).toEqual(['another relay uses the spool of this one: it has written the manifest']);
  expect(writer.problems).toEqual([]);
  expect(await put(other.spool, Buffer.alloc(10))).toBe('failed');
});

test('a run after another is no other writer, nor is one after a failed write of the manifest', async () => {
  const disk = powerLosingDisk();
  let stored = 0;
  for (let run = 1; run < 4; run++) {
    const { spool, problems } = await relayOn(disk, run);
    let isFirst = true;
    disk.onOperation = (operation, name) => {
      if (!isFirst || operation !== 'datasync' || name !== 'spool.manifest') return;
      isFirst = false;
      throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    const results: string[] = [];
    for (let at = 0; at < 6; at++) results.push(await put(spool, Buffer.alloc(30_000)));
    expect(results.filter((one) => one === 'failed').length).toBeLessThanOrEqual(1);
    stored += results.filter((one) => one !== 'failed' && one !== 'full').length;
    await spool.close();
    expect(problems).toEqual([]);
    disk.onOperation = () => {};
  }
  expect((await testSpool(disk.kill())).stored.size).toBe(stored);
});
