// The spool as its users see it: messages go in, come out and are remembered.

import { describe, expect, test } from 'vitest';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { bodyOf, envelope, put, SEGMENT, SEGMENTS, testSpool } from '../support/spool/spool.ts';

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
