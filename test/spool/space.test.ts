// What a message counts for, and who may hold how much. Octets that are written are octets that are counted.

import { describe, expect, test } from 'vitest';
import { PAGE } from '../../src/spool/frame.ts';
import { recover } from '../../src/spool/recover.ts';
import type { Spool } from '../../src/spool/spool.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { type FakeClock, fakeClock } from '../support/fakes/clock.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { filesOf } from '../support/spool/rest.ts';
import { envelope, longEnvelope, put, SEGMENT, SEGMENTS, testSpool } from '../support/spool/spool.ts';

const HOUR = 3_600_000;

/** Sends messages from the device until it is refused; how many were taken. */
async function fill(spool: Spool, device: string, octets = 1_000, from = envelope()): Promise<number> {
  for (let count = 0; ; count++) {
    const result = await put(spool, Buffer.alloc(octets), from, device);
    expect(result).not.toBe('failed');
    if (result === 'full') return count;
  }
}

/** Makes the device known: its first message, and an hour. */
async function introduce(spool: Spool, clock: FakeClock, ...devices: readonly string[]): Promise<void> {
  for (const device of devices) spool.remove((await put(spool, Buffer.alloc(10), envelope(), device)) as QueueId);
  await clock.advance(HOUR);
}

describe('a message with a long envelope', () => {
  test.each([1, 20, 96, 500])(
    'counts with all of it: %i recipients',
    async (recipients) => {
      const disk = powerLosingDisk();
      const { spool } = await testSpool(disk, { segmentSize: 1024 * 1024 });
      const from = longEnvelope(recipients);
      expect(await put(spool, Buffer.alloc(1_000), from)).not.toMatch(/full|failed/);
      const commit = JSON.stringify(from).length;
      const { held } = spool.status();
      expect(held).toBeGreaterThan(commit + 1_000);
      expect(held).toBeLessThan(commit + 1_000 + 4 * PAGE);
      // It counts for the same after a restart.
      expect((await testSpool(disk.kill(), { segmentSize: 1024 * 1024 })).spool.status().held).toBe(held);
    },
    20_000,
  );

  test('that does not fit is refused, though its body did, and leaves nothing', async () => {
    const clock = fakeClock();
    const { spool } = await testSpool(powerLosingDisk(), { clock });
    await introduce(spool, clock, 'cam');
    while ((await put(spool, Buffer.alloc(10), envelope(), 'cam')) !== 'full');
    const ids: QueueId[] = [];
    spool.feed(({ id }) => ids.push(id));
    spool.remove(ids[0] as QueueId);
    const { held } = spool.status();
    const draft = spool.draft(10, 'cam');
    expect(await draft.write(Buffer.alloc(10))).toBe('taken');
    expect(await draft.commit(longEnvelope(40))).toBe('full');
    expect(spool.status().held).toBe(held);
    expect(await put(spool, Buffer.alloc(10), envelope(), 'cam')).not.toMatch(/full|failed/);
  });

  test('fills the share of its device and no more: others are still taken, and so is what delivers them', async () => {
    const disk = powerLosingDisk();
    const clock = fakeClock();
    const { spool, news } = await testSpool(disk, { clock });
    const flood = await fill(spool, 'flood', 100, longEnvelope(40));
    expect(flood).toBeGreaterThan(2);
    expect(flood * JSON.stringify(longEnvelope(40)).length).toBeLessThan(SEGMENT * SEGMENTS);
    for (let at = 0; at < 3; at++) expect(await put(spool, Buffer.alloc(1_000), envelope(), 'smoke')).not.toMatch(/full|failed/);
    const ids: QueueId[] = [];
    spool.feed(({ id }) => ids.push(id));
    for (const id of ids) spool.remove(id);
    await clock.advance(2_000);
    expect(spool.status().held).toBe(0);
    expect(news.of('spoolFailed')).toEqual([]);
  });

  test('and its outcome, with every recipient settled, stay within what is counted', async () => {
    const disk = powerLosingDisk();
    const clock = fakeClock();
    const { spool } = await testSpool(disk, { clock, segmentSize: 512 * 1024, segments: 12 });
    const everyone = Array.from({ length: 1_000 }, (_, at) => ({ forwardPath: { localPart: `${at}`, domain: 'example.org' } }));
    const [first = { forwardPath: { localPart: 'x', domain: 'y' } }, ...rest] = everyone;
    const from = { reversePath: null, recipients: [first, ...rest] as const, parameters: {} };
    const id = (await put(spool, Buffer.alloc(100), from)) as QueueId;
    await spool.record(id, rest, { attempts: 1_000_000, warned: true });
    await clock.advance(2_000);
    const { messages } = await recover(powerLosingDisk(await filesOf(disk)));
    const [message] = messages.values();
    const octets = [...(message?.chunks ?? []), message?.commit, message?.outcome].reduce(
      (sum, place) => sum + (place?.size ?? Number.NaN),
      0,
    );
    expect(octets).toBeLessThanOrEqual(spool.status().held);
    expect(message?.outcome?.size).toBeLessThanOrEqual(PAGE);
  });
});

describe('a flood of addresses', () => {
  /** Sends messages, each from an address of its own, until one is refused; how many were taken. */
  async function flood(spool: Spool, name = 'flood'): Promise<number> {
    for (let count = 0; ; count++) if ((await put(spool, Buffer.alloc(1_000), envelope(), `${name}-${count}`)) === 'full') return count;
  }

  test('leaves an eighth for the devices that are known, and none of it to one that is new', async () => {
    const clock = fakeClock();
    const { spool } = await testSpool(powerLosingDisk(), { clock });
    await introduce(spool, clock, 'smoke');
    expect(await flood(spool)).toBeGreaterThan(20);
    const { held, capacity } = spool.status();
    expect(held / capacity).toBeGreaterThan(0.8);
    expect(held / capacity).toBeLessThanOrEqual(7 / 8);
    expect(await put(spool, Buffer.alloc(10), envelope(), 'stranger')).toBe('full');
    expect(await fill(spool, 'smoke')).toBeGreaterThan(2);
    expect(await spool.submit(envelope(), (async function* () {})())).toBe('full');
  });

  test('does not keep the relay from making a notification', async () => {
    const { spool } = await testSpool(powerLosingDisk());
    await flood(spool);
    expect(await spool.submit(envelope(), (async function* () {})())).not.toMatch(/full|failed/);
  });

  test.each(['stopped', 'cut'])('a device is known after the relay was %s, also when its mail is long delivered', async (end) => {
    const disk = powerLosingDisk();
    const clock = fakeClock();
    const first = await testSpool(disk, { clock });
    await introduce(first.spool, clock, 'smoke');
    await clock.advance(2_000);
    await put(first.spool, Buffer.alloc(10));
    if (end === 'stopped') await first.spool.close();
    const { spool } = await testSpool(end === 'stopped' ? disk.kill() : disk.crash(seededRandom(1)));
    await flood(spool);
    expect(await put(spool, Buffer.alloc(1_000), envelope(), 'smoke')).not.toMatch(/full|failed/);
  });

  test('of thousands makes nobody unknown, nor a notification impossible after a restart', async () => {
    const disk = powerLosingDisk();
    const clock = fakeClock();
    const first = await testSpool(disk, { clock });
    await introduce(first.spool, clock, 'smoke');
    for (let at = 0; at < 2_000; at++) {
      const id = await put(first.spool, Buffer.alloc(10), envelope(), `passing-${at}`);
      if (id !== 'full') first.spool.remove(id as QueueId);
    }
    await flood(first.spool);
    expect(await put(first.spool, Buffer.alloc(1_000), envelope(), 'smoke')).not.toMatch(/full|failed/);
    await first.spool.close();
    const second = await testSpool(disk.kill());
    expect(await put(second.spool, Buffer.alloc(10), envelope(), 'stranger')).toBe('full');
    expect(await second.spool.submit(envelope(), (async function* () {})())).not.toMatch(/full|failed/);
  });
});
