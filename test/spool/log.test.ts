// The log: groups that share a sync, and what the disk may refuse to do.

import { describe, expect, test } from 'vitest';
import { PAGE } from '../../src/spool/frame.ts';
import type { DiskFile } from '../../src/system/disk.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock, settled } from '../support/fakes/clock.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { bodyOf, envelope, put, testSpool } from '../support/spool/spool.ts';

const text = (length: number, seed = 1) => seededRandom(seed).bytes(length);

test('ten messages that arrive together share syncs', async () => {
  const disk = powerLosingDisk();
  const { spool } = await testSpool(disk);
  const before = disk.synced.count;
  const ids = await Promise.all(Array.from({ length: 10 }, (_, at) => put(spool, text(1000, at))));
  expect(new Set(ids).size).toBe(10);
  expect(disk.synced.count - before).toBeLessThanOrEqual(3);
});

describe('a disk that fails', () => {
  const failing = (operation: string, code: string, from: number, times = 1) => {
    let seen = 0;
    return (one: string) => {
      if (one !== operation) return;
      seen += 1;
      if (seen >= from && seen < from + times) throw Object.assign(new Error(`${code}: injected`), { code });
    };
  };

  test.each([
    ['datasync', 'EIO', 'failed'],
    ['writev', 'EIO', 'failed'],
    ['writev', 'ENOSPC', 'full'],
  ])('%s with %s: the message is refused, the next one taken, nothing acknowledged lost', async (operation, code, result) => {
    for (let n = 1; n <= 4; n++) {
      const disk = powerLosingDisk();
      const { spool, news } = await testSpool(disk);
      const before = await put(spool, text(9_000, 1));
      disk.onOperation = failing(operation, code, n);
      const outcomes = [
        await put(spool, text(9_000, 2)),
        await put(spool, text(9_000, 3)),
        await put(spool, text(9_000, 4)),
        await put(spool, text(9_000, 5)),
      ];
      expect(outcomes.filter((one) => one === result)).toHaveLength(1);
      expect(news.of('spoolFailed').length).toBeGreaterThan(0);
      const acknowledged = [before, ...outcomes].filter((one) => one !== result);
      const after = await testSpool(disk.crash(seededRandom(n)));
      expect([...after.stored.keys()]).toEqual(acknowledged);
    }
  });

  test.each([
    ['writev', 'EIO'],
    ['writev', 'ENOSPC'],
    ['datasync', 'EIO'],
    ['create', 'ENOSPC'],
    ['syncDirectory', 'EIO'],
  ])('%s with %s at the n-th time, for every n: nothing acknowledged is lost', { timeout: 120_000 }, async (operation, code) => {
    for (let n = 1; n < 40; n++) {
      const disk = powerLosingDisk();
      const clock = fakeClock();
      const { spool } = await testSpool(disk, { clock });
      let seen = 0;
      disk.onOperation = failing(operation, code, n);
      const counting = disk.onOperation;
      disk.onOperation = (one, name) => {
        if (one === operation) seen += 1;
        counting(one, name);
      };
      const kept = new Map<QueueId, number>();
      for (let at = 0; at < 12; at++) {
        const id = await put(spool, text(20_000, at));
        if (id === 'full' || id === 'failed') continue;
        kept.set(id, at);
        // Every other message is delivered, so that segments turn over.
        if (at % 2 === 0) continue;
        spool.remove(id);
        kept.delete(id);
        await clock.advance(1_500);
      }
      expect(kept.size).toBeGreaterThanOrEqual(5);
      const after = await testSpool(disk.crash(seededRandom(n)));
      for (const [id, at] of kept) expect((await bodyOf(after.spool, id)).equals(text(20_000, at)), `n = ${n}`).toBe(true);
      if (seen < n) return; // every n has been
    }
  });

  test('a card that turns read-only: devices hear of it, what is there can be read, and it goes on when the card does', async () => {
    const disk = powerLosingDisk();
    const clock = fakeClock();
    const { spool } = await testSpool(disk, { clock });
    const before = (await put(spool, text(20_000, 1))) as QueueId;
    const delivered = (await put(spool, text(500, 2))) as QueueId;
    disk.onOperation = (operation) => {
      if (operation !== 'read') throw Object.assign(new Error('EROFS'), { code: 'EROFS' });
    };
    for (let at = 0; at < 5; at++) expect(await put(spool, text(40_000, at))).toBe('failed');
    expect((await bodyOf(spool, before)).equals(text(20_000, 1))).toBe(true);
    spool.remove(delivered);
    await clock.advance(60_000);
    disk.onOperation = () => {};
    const after = (await put(spool, text(20_000, 3))) as QueueId;
    await clock.advance(11_000);
    expect([...(await testSpool(disk.crash(seededRandom(1)))).stored.keys()]).toEqual([before, after]);
  });

  test('a sync that takes 30 s holds up those who wait for it, and no one else', async () => {
    const disk = powerLosingDisk();
    let isSlow = false;
    let release = () => {};
    const change = (file: DiskFile): DiskFile => ({
      ...file,
      datasync: async () => {
        if (isSlow) await new Promise<void>((resolve) => (release = resolve));
        await file.datasync();
      },
    });
    const slow = Object.assign(Object.create(disk) as PowerLosingDisk, { create: async (name: string) => change(await disk.create(name)) });
    const { spool } = await testSpool(slow);
    const there = (await put(spool, text(5_000, 1))) as QueueId;
    isSlow = true;
    let isStored = false;
    const waiting = put(spool, text(5_000, 2)).then((id) => {
      isStored = true;
      return id;
    });
    await settled();
    // Meanwhile: reading goes on, new drafts begin, sizes are answered.
    expect((await bodyOf(spool, there)).equals(text(5_000, 1))).toBe(true);
    expect(await spool.draft(100, 'other').write(text(100))).toBe('taken');
    expect(spool.room(1_000)).toBe('yes');
    expect(isStored).toBe(false);
    isSlow = false;
    release();
    expect(await waiting).not.toMatch(/full|failed/);
  });

  test('a failed sync is not tried again on the same segment', async () => {
    const disk = powerLosingDisk();
    const { spool } = await testSpool(disk);
    await put(spool, text(100));
    const synced: string[] = [];
    let hasFailed = false;
    disk.onOperation = (operation, name) => {
      if (operation !== 'datasync') return;
      synced.push(name);
      if (hasFailed) return;
      hasFailed = true;
      throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    expect(await put(spool, text(100))).toBe('failed');
    expect(await put(spool, text(100))).not.toBe('failed');
    expect(synced.slice(1)).not.toContain(synced[0]);
  });

  test('the number of a message whose segment was given up is not given again', async () => {
    const disk = powerLosingDisk();
    const keeping = Object.assign(Object.create(disk) as PowerLosingDisk, { remove: () => Promise.reject(new Error('EIO')) });
    const { spool } = await testSpool(keeping);
    // Fills the first segment, so that the next message begins another.
    for (let at = 0; at < 2; at++) await put(spool, text(25_000, at));
    const draft = spool.draft(100, 'device');
    await draft.write(text(6_000));
    let isGivenUp = false;
    disk.onOperation = (operation, name) => {
      const isFirstGroup = operation === 'datasync' && name === '000001.segment' && disk.contents(name)[PAGE] !== 0;
      isGivenUp ||= isFirstGroup;
      // From then on only the manifest can be written: it no longer lists that segment, and none comes after it.
      if (isFirstGroup || (isGivenUp && operation === 'writev' && name.endsWith('.segment')))
        throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    expect(await draft.commit(envelope())).toBe('failed');
    expect(isGivenUp).toBe(true);
    expect(await put(spool, text(100))).toBe('failed');
    const again = await testSpool(disk.kill());
    expect(again.stored.size).toBe(2);
    expect(again.spool.draft(100, 'device').id > draft.id).toBe(true);
  });

  test('a folder that cannot be written is found out at the start', async () => {
    const disk = powerLosingDisk();
    disk.onOperation = failing('create', 'EROFS', 1);
    await expect(testSpool(disk)).rejects.toThrow(/EROFS/);
  });
});
