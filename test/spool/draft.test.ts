// Drafts: what is there of a message before its commit counts for space and for nothing else.

import { describe, expect, test } from 'vitest';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { envelope, put, testSpool } from '../support/spool/spool.ts';

const text = (length: number, seed = 1) => seededRandom(seed).bytes(length);

describe('a draft', () => {
  test('is no message: it is neither counted nor fed', async () => {
    const { spool } = await testSpool(powerLosingDisk());
    const draft = spool.draft(50_000, 'cam');
    await draft.write(Buffer.alloc(50_000));
    const fed: QueueId[] = [];
    spool.feed(({ id }) => fed.push(id));
    expect({ count: spool.count, messages: spool.status().messages, fed }).toEqual({ count: 0, messages: 0, fed: [] });
    expect(await draft.commit(envelope())).toBe('stored');
    expect({ count: spool.count, messages: spool.status().messages, fed }).toEqual({ count: 1, messages: 1, fed: [draft.id] });
  });

  test('that is not committed leaves nothing', async () => {
    const disk = powerLosingDisk();
    const { spool } = await testSpool(disk);
    const draft = spool.draft(100_000, 'device');
    await draft.write(text(60_000));
    const after = await testSpool(disk.kill());
    expect(after.stored.size).toBe(0);
    expect(after.news.of('spoolRecovered')).toMatchObject([{ messages: 0, unfinished: 1 }]);
  });

  test('that is abandoned gives its room back', async () => {
    const { spool } = await testSpool(powerLosingDisk());
    for (let round = 0; round < 50; round++) {
      const draft = spool.draft(100_000, 'device');
      expect(await draft.write(text(60_000))).toBe('taken');
      draft.abandon();
    }
    expect(spool.count).toBe(0);
    expect(await put(spool, text(100_000))).not.toMatch(/full|failed/);
  });
});

describe('a declared size', () => {
  test('reserves nothing: sessions that declare and stay silent keep nobody out', async () => {
    const { spool } = await testSpool(powerLosingDisk());
    const silent = Array.from({ length: 20 }, (_, at) => spool.draft(100_000, `device-${at % 2}`));
    expect(spool.status()).toMatchObject({ held: 0, messages: 0 });
    expect(spool.room(300_000)).toBe('yes');
    expect(await put(spool, Buffer.alloc(100_000), envelope(), 'smoke')).not.toMatch(/full|failed/);
    for (const draft of silent) draft.abandon();
  });

  test('that is beyond what is free is refused at the first octet, before anything wears out the flash', async () => {
    const disk = powerLosingDisk();
    const { spool } = await testSpool(disk);
    while ((await put(spool, Buffer.alloc(20_000), envelope(), 'cam')) !== 'full');
    const before = disk.synced.octets;
    const draft = spool.draft(200_000, 'cam');
    expect(await draft.write(Buffer.alloc(100))).toBe('full');
    draft.abandon();
    expect(disk.synced.octets).toBe(before);
  });
});
