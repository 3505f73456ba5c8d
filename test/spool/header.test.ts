// The header: what it says, and what becomes of a spool whose headers are damaged or newer than this release.

import { expect, test } from 'vitest';
import { crc32c } from '../../src/spool/crc32c.ts';
import { PAGE } from '../../src/spool/frame.ts';
import { decodeHeader, encodeHeader, formatRing, NONCE, parseRing } from '../../src/spool/header.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { put, SEGMENT, segmentsOn, testSpool } from '../support/spool/spool.ts';

const text = (length: number, seed = 1) => seededRandom(seed).bytes(length);

test('what the ring held is written as ranges, and with the largest facts still fits the header', () => {
  expect(formatRing([5, 6, 7, 9, 11, 12])).toBe('5-7,9,11-12');
  expect(parseRing('5-7,9,11-12')).toEqual([5, 6, 7, 9, 11, 12]);
  expect(parseRing(formatRing([]))).toEqual([]);
  expect(formatRing(Array.from({ length: 64 }, (_, at) => 1_000_000 + 2 * at)).length).toBeLessThanOrEqual(90);
  const most = { octets: Number.MAX_SAFE_INTEGER, syncs: 1e12 };
  const facts = {
    instance: 'ffffffff',
    nextNumber: 1e15,
    running: 1e13,
    newest: 8.64e15,
    flash: { total: most, today: most, day: 99_999 },
    upstream: { size: 1e12, smtpUtf8: false, binaryMime: false },
  };
  const ring = formatRing(Array.from({ length: 64 }, (_, at) => 1e9 + 2 * at));
  const page = encodeHeader(1e9, seededRandom(1).bytes(NONCE), 2 ** 30, facts, { ring, leftAt: 2 ** 30 });
  expect(decodeHeader(page)?.facts).toEqual(facts);
});

test('a header page of zeros costs nothing: it stands twice', async () => {
  const disk = powerLosingDisk();
  const { spool } = await testSpool(disk);
  const id = await put(spool, text(100));
  await spool.close();
  for (const name of await segmentsOn(disk)) disk.damage(name, 0, Buffer.alloc(PAGE));
  expect([...(await testSpool(disk.kill())).stored.keys()]).toEqual([id]);
});

test('a spool of a newer format is refused and left alone', async () => {
  const disk = powerLosingDisk();
  const { spool } = await testSpool(disk);
  await put(spool, text(100));
  await spool.close();
  const [name = ''] = await segmentsOn(disk);
  for (const page of [0, SEGMENT - PAGE]) {
    for (let sector = page; sector < page + PAGE; sector += 512) {
      const octets = Buffer.from(disk.contents(name).subarray(sector, sector + 512));
      octets.writeUInt16LE(2, 12);
      octets.writeUInt32LE(crc32c(octets.subarray(4)), 0);
      disk.damage(name, sector, octets);
    }
  }
  await expect(testSpool(disk.kill())).rejects.toThrow(/format 2 by a newer release/);
});
