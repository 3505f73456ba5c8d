import { describe, expect, test } from 'vitest';
import { PAGE } from '../../src/spool/frame.ts';
import { decodeHeader, encodeHeader, formatRing, NONCE, parseRing } from '../../src/spool/header.ts';
import type { DiskFile } from '../../src/system/disk.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock, settled } from '../support/clock.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../support/disk.ts';
import { seededRandom } from '../support/random.ts';
import { bodyOf, envelope, put, SEGMENT, SEGMENTS, segmentsOn, testSpool } from '../support/spool.ts';

const text = (length: number, seed = 1) => seededRandom(seed).bytes(length);

describe('a message', () => {
  test.each([0, 1, 100, 4096, 32_736, 32_737, 200_000])('of %i octets comes out as it went in, also after a restart', async (length) => {
    const disk = powerLosingDisk();
    const { spool, stored } = await testSpool(disk);
    const body = text(length);
    const id = (await put(spool, body)) as QueueId;
    expect(stored.get(id)).toMatchObject({ id, octets: length, device: '192.0.2.1', attempts: 0 });
    expect((await bodyOf(spool, id)).equals(body)).toBe(true);
    expect(await spool.envelope(id)).toEqual(envelope());
    await spool.close();

    const again = await testSpool(disk.kill());
    expect([...again.stored.keys()]).toEqual([id]);
    expect((await bodyOf(again.spool, id)).equals(body)).toBe(true);
    expect(await again.spool.envelope(id)).toEqual(envelope());
  });

  test('is on the flash when commit resolves: it survives a power cut at that moment', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const disk = powerLosingDisk();
      const { spool } = await testSpool(disk);
      const id = (await put(spool, text(50_000))) as QueueId;
      const { stored, spool: after } = await testSpool(disk.crash(seededRandom(seed)));
      expect([...stored.keys()]).toEqual([id]);
      expect((await bodyOf(after, id)).equals(text(50_000))).toBe(true);
    }
  });

  test('that was not committed leaves nothing', async () => {
    const disk = powerLosingDisk();
    const { spool } = await testSpool(disk);
    const draft = spool.draft(100_000, 'device');
    await draft.write(text(60_000));
    const after = await testSpool(disk.kill());
    expect(after.stored.size).toBe(0);
    expect(after.news.of('spoolRecovered')).toMatchObject([{ messages: 0, unfinished: 1 }]);
  });

  test('that was abandoned gives its room back', async () => {
    const { spool } = await testSpool(powerLosingDisk());
    for (let round = 0; round < 50; round++) {
      const draft = spool.draft(100_000, 'device');
      expect(await draft.write(text(60_000))).toBe('taken');
      draft.abandon();
    }
    expect(spool.count).toBe(0);
    expect(await put(spool, text(100_000))).not.toMatch(/full|failed/);
  });

  test('that was removed does not come back, once its `done` is synced', async () => {
    const disk = powerLosingDisk();
    const clock = fakeClock();
    const { spool } = await testSpool(disk, { clock });
    const id = (await put(spool, text(1000))) as QueueId;
    spool.remove(id);
    await clock.advance(2_000);
    expect((await testSpool(disk.crash(seededRandom(3)))).stored.size).toBe(0);
  });
});

test('settled recipients and attempts are remembered', async () => {
  const disk = powerLosingDisk();
  const { spool } = await testSpool(disk);
  const to = (localPart: string) => ({ forwardPath: { localPart, domain: 'example.org' } });
  const id = (await put(spool, text(10), {
    reversePath: null,
    recipients: [to('a'), to('b'), to('c')],
    parameters: { body: '8BITMIME' },
  })) as QueueId;
  await spool.record(id, [to('b')], { attempts: 1, warned: false });
  await spool.record(id, [to('a')], { attempts: 2, warned: false });
  await spool.close();
  const { spool: after, stored } = await testSpool(disk.kill());
  expect(stored.get(id)?.attempts).toBe(2);
  expect(await after.envelope(id)).toEqual({ reversePath: null, recipients: [to('c')], parameters: { body: '8BITMIME' } });
});

test("age is the relay's running time, whatever the date says", async () => {
  const disk = powerLosingDisk();
  const clock = fakeClock();
  const { spool, stored } = await testSpool(disk, { clock });
  await clock.advance(5_000);
  const id = (await put(spool, text(10))) as QueueId;
  await clock.advance(3_600_000);
  await spool.close();
  expect(stored.size).toBe(1);

  const later = fakeClock();
  later.setWall(0);
  await later.advance(7_000);
  const after = await testSpool(disk.kill(), { clock: later });
  expect(later.now() - (after.stored.get(id)?.arrived ?? 0)).toBe(3_600_000);
});

test('the learned size and the instance survive', async () => {
  const disk = powerLosingDisk();
  const { spool } = await testSpool(disk);
  const learned = { size: 123_456, smtpUtf8: true, binaryMime: false };
  spool.learnUpstream(learned);
  const { instance } = spool;
  await spool.close();
  const after = await testSpool(disk.kill(), { random: seededRandom(99) });
  expect(after.spool.upstream).toEqual(learned);
  expect(after.spool.instance).toBe(instance);
});

describe('space', () => {
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

  test('runs out with "full", nothing is lost, and mail is taken again when there is room', async () => {
    const disk = powerLosingDisk();
    const clock = fakeClock();
    const { spool } = await testSpool(disk, { clock });
    // Devices that are known may fill it to the end.
    for (let at = 0; at < 3; at++) spool.remove((await put(spool, text(10), envelope(), `device-${at}`)) as QueueId);
    await clock.advance(3_600_000);
    const kept: QueueId[] = [];
    for (;;) {
      const id = await put(spool, text(10_000, kept.length), envelope(), `device-${kept.length % 3}`);
      if (id === 'full') break;
      kept.push(id as QueueId);
    }
    expect(kept.length).toBeGreaterThan(15);
    expect(spool.room(10_000)).toBe('not-now');
    expect(spool.room(SEGMENT * SEGMENTS)).toBe('never');
    for (const [at, id] of kept.entries()) expect((await bodyOf(spool, id)).equals(text(10_000, at))).toBe(true);
    for (const id of kept.splice(0, 10)) spool.remove(id);
    await clock.advance(2_000);
    expect(spool.room(10_000)).toBe('yes');
    for (let at = 0; at < 8; at++) expect(await put(spool, text(10_000))).not.toMatch(/full|failed/);
    for (const id of kept) expect((await bodyOf(spool, id)).length).toBe(10_000);
  });

  test('one device can not fill it for the others', async () => {
    const { spool } = await testSpool(powerLosingDisk());
    let count = 0;
    while ((await put(spool, text(10_000), envelope(), 'flood')) !== 'full') count += 1;
    expect(count).toBeGreaterThan(10);
    expect(await put(spool, text(10_000), envelope(), 'smoke-detector')).not.toMatch(/full|failed/);
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

test('an envelope larger than a segment is refused, and does not stop the spool', async () => {
  const { spool } = await testSpool(powerLosingDisk());
  const recipients = Array.from({ length: 1000 }, (_, at) => ({
    forwardPath: { localPart: `${at}`.padStart(60, 'r'), domain: 'example.org' },
  }));
  const [first = { forwardPath: { localPart: 'x', domain: 'y' } }, ...rest] = recipients;
  expect(await put(spool, text(10), { reversePath: null, recipients: [first, ...rest], parameters: {} })).toBe('full');
  expect(await put(spool, text(10))).not.toMatch(/full|failed/);
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
  ])('%s with %s at the n-th time, for every n: nothing acknowledged is lost', async (operation, code) => {
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

describe('damage', () => {
  /** Seven messages of 20,000 octets over several segments, at rest. */
  const atRest = async () => {
    const disk = powerLosingDisk();
    const { spool } = await testSpool(disk);
    const ids: QueueId[] = [];
    for (let at = 0; at < 7; at++) ids.push((await put(spool, text(20_000, at))) as QueueId);
    await spool.close();
    const find = async (at: number) => {
      for (const name of await disk.list()) {
        const place = disk.contents(name).indexOf(text(20_000, at).subarray(0, 64));
        if (place >= 0) return { name, place };
      }
      throw new Error('not found');
    };
    return { disk, ids, find };
  };
  const without = (ids: readonly QueueId[], ...lost: number[]) => ids.filter((_, at) => !lost.includes(at));

  test('a flipped bit costs the message it is in, and says which', async () => {
    const { disk, ids, find } = await atRest();
    const { name, place } = await find(2);
    disk.damage(name, place + 10, Buffer.of((disk.contents(name)[place + 10] ?? 0) ^ 1));
    const after = await testSpool(disk.kill());
    expect([...after.stored.keys()]).toEqual(without(ids, 2));
    expect(after.news.of('spoolDamaged')).toMatchObject([{ segment: name }, { lost: [ids[2]], maybeLost: [] }]);
  });

  test('a page of zeros costs the messages on it', async () => {
    const { disk, ids, find } = await atRest();
    const { name, place } = await find(1);
    disk.damage(name, (Math.floor(place / PAGE) + 1) * PAGE, Buffer.alloc(PAGE));
    const after = await testSpool(disk.kill());
    expect([...after.stored.keys()]).toEqual(without(ids, 1));
    expect(after.news.of('spoolDamaged').flatMap(({ lost }) => lost)).toEqual([ids[1]]);
    for (const id of after.stored.keys()) expect((await bodyOf(after.spool, id)).length).toBe(20_000);
  });

  test('a missing segment costs the messages on it, and is missed', async () => {
    const { disk, ids, find } = await atRest();
    const { name } = await find(3);
    const rest = new Map((await disk.list()).filter((one) => one !== name).map((one) => [one, disk.contents(one)]));
    const after = await testSpool(powerLosingDisk(rest));
    expect([...after.stored.keys()].length).toBeGreaterThanOrEqual(3);
    expect(after.stored.has(ids[3] as QueueId)).toBe(false);
    for (const id of after.stored.keys()) expect((await bodyOf(after.spool, id)).equals(text(20_000, ids.indexOf(id)))).toBe(true);
    expect(after.news.of('spoolDamaged')).toMatchObject(
      [{ problem: 'the segment is not there' }, {}].slice(0, after.news.of('spoolDamaged').length),
    );
  });

  test('the damaged segment is set aside, not used again', async () => {
    const { disk, find } = await atRest();
    const { name, place } = await find(2);
    const evidence = Buffer.from(disk.contents(name));
    evidence.fill(0xee, place, place + 100);
    disk.damage(name, place, Buffer.alloc(100, 0xee));
    const clock = fakeClock();
    const again = disk.kill();
    const { spool, stored } = await testSpool(again, { clock });
    for (const id of stored.keys()) spool.remove(id);
    for (let round = 0; round < 20; round++) {
      await clock.advance(2_000);
      spool.remove((await put(spool, text(20_000, 50 + round))) as QueueId);
    }
    const aside = (await again.list()).filter((one) => one.includes('damaged'));
    expect(aside).toHaveLength(1);
    expect(again.contents(aside[0] ?? '').equals(evidence)).toBe(true);
  });

  test('a file with both headers gone is kept when a life is missing', async () => {
    const { disk, find } = await atRest();
    const { name } = await find(3);
    disk.damage(name, 0, Buffer.alloc(PAGE, 7));
    disk.damage(name, SEGMENT - PAGE, Buffer.alloc(PAGE, 7));
    const again = disk.kill();
    const clock = fakeClock();
    const { spool, news } = await testSpool(again, { clock });
    expect(news.of('spoolDamaged').length).toBeGreaterThan(0);
    for (let round = 0; round < 20; round++) {
      await clock.advance(2_000);
      spool.remove((await put(spool, text(20_000, 50 + round))) as QueueId);
    }
    expect((await again.list()).filter((one) => one.startsWith(name) && one.includes('damaged'))).toHaveLength(1);
  });
});

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
  const { crc32c } = await import('../../src/spool/crc32c.ts');
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

test('ten messages that arrive together share syncs', async () => {
  const disk = powerLosingDisk();
  const { spool } = await testSpool(disk);
  const before = disk.synced.count;
  const ids = await Promise.all(Array.from({ length: 10 }, (_, at) => put(spool, text(1000, at))));
  expect(new Set(ids).size).toBe(10);
  expect(disk.synced.count - before).toBeLessThanOrEqual(3);
});
