// Decay of the flash: bits, sectors and pages of a small spool change, one at a time. No message is ever given out that
// differs from what was sent. A message that is lost, or is back, or has forgotten a settled recipient, is reported.
// The one exception is what was synced last: no later frame says that it was synced, so it looks like a torn write.

import { beforeAll, describe, expect, test } from 'vitest';
import { PAGE } from '../../src/spool/frame.ts';
import { recover } from '../../src/spool/recover.ts';
import { scan } from '../../src/spool/scan.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { formatQueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import type { Remains } from '../support/spool/generations.ts';
import { filesOf } from '../support/spool/rest.ts';
import { put, testSpool } from '../support/spool/spool.ts';

const SEGMENT_SIZE = 32 * 1024;
const SECTOR = 512;

const to = (localPart: string) => ({ forwardPath: { localPart, domain: 'example.org' } });
const envelope = { reversePath: null, recipients: [to('a'), to('b'), to('c')] as const, parameters: {} };

type Message = { readonly body: Buffer; readonly settled: readonly number[] };
type Case = {
  readonly files: Remains;
  readonly waiting: ReadonlyMap<QueueId, Message>;
  /**
   * The last group that was synced: a segment, and the octets in it of which no later frame says that they were
   * synced.
   */
  readonly last: { readonly name: string; readonly from: number; readonly to: number };
};

/** A spool with mail of all sizes, waiting, delivered and in part delivered, over a few segments. */
async function makeCase(end: 'stopped' | 'killed'): Promise<Case> {
  const disk = powerLosingDisk();
  const clock = fakeClock();
  const random = seededRandom(3);
  const { spool } = await testSpool(disk, { clock, segmentSize: SEGMENT_SIZE, segments: 40 });
  const waiting = new Map<QueueId, Message>();
  for (let round = 0; round < 9; round++) {
    // Some alone, some in one group.
    const bodies = Array.from({ length: 1 + (round % 4) }, () => random.bytes(random.below(round % 3 === 0 ? 6_000 : 700)));
    const ids = await Promise.all(bodies.map((body) => put(spool, body, envelope)));
    for (const [at, id] of ids.entries()) waiting.set(id as QueueId, { body: bodies[at] ?? Buffer.of(), settled: [] });
    for (const id of [...waiting.keys()].filter(() => random.below(3) === 0)) {
      spool.remove(id);
      waiting.delete(id);
    }
    for (const [id, message] of [...waiting].slice(0, 2)) {
      await spool.record(id, [to('b')], { attempts: round, warned: false });
      waiting.set(id, { ...message, settled: [1] });
    }
    await clock.advance(1_500);
  }
  // Many messages that are delivered at once: their `done`s fill more than a sector.
  const crowd = await Promise.all(Array.from({ length: 40 }, () => put(spool, Buffer.alloc(10), envelope)));
  for (const id of crowd) spool.remove(id as QueueId);
  await clock.advance(1_500);
  const behind = random.bytes(300);
  waiting.set((await put(spool, behind, envelope)) as QueueId, { body: behind, settled: [] });
  if (end === 'stopped') await spool.close();
  const files = await filesOf(disk);
  const { ring, damage } = await recover(powerLosingDisk(files));
  expect(damage).toEqual([]);
  const newest = ring.at(-1);
  if (newest === undefined) throw new Error('no segment');
  expect(ring.length).toBeGreaterThan(2);
  return { files, waiting, last: { name: newest.name, from: (await scan(newest, () => {})).synced, to: newest.end } };
}

/** What differs from what was in the spool, unless damage is reported; an empty list is right. */
async function silentChanges(files: Remains, { waiting }: Case): Promise<readonly string[]> {
  const { messages, damage } = await recover(powerLosingDisk(files));
  const changes: string[] = [];
  const there = new Map([...messages.values()].map((message) => [formatQueueId(message.number), message]));
  for (const id of waiting.keys()) if (!there.has(id)) changes.push(`${id} is lost`);
  for (const [id, { chunks, settled }] of there) {
    const message = waiting.get(id);
    if (message === undefined) {
      changes.push(`${id} is back`);
      continue;
    }
    const frames = await Promise.all(chunks.map((place) => place.segment.read(place)));
    const body = Buffer.concat(frames.map((frame) => frame?.payload ?? Buffer.from('?')));
    expect(body.equals(message.body), `${id} is as it was sent`).toBe(true);
    if (settled.join() !== message.settled.join()) changes.push(`${id} has forgotten who is settled`);
  }
  return damage.length > 0 ? [] : changes;
}

describe.each(['stopped', 'killed'] as const)('a spool that was %s', (end) => {
  let one: Case;
  beforeAll(async () => {
    one = await makeCase(end);
  });

  /** Changes a stretch of `octets` at each multiple of `step`, and gathers what goes wrong without being reported. */
  async function sweep(octets: number, step: number, change: (stretch: Buffer, at: number) => void) {
    const wrong: string[] = [];
    let excepted = 0;
    for (const [name, whole] of one.files) {
      for (let at = 0; at + octets <= whole.length; at += step) {
        const copy = Buffer.from(whole);
        change(copy.subarray(at, at + octets), at);
        if (copy.equals(whole)) continue;
        const changes = await silentChanges(new Map(one.files).set(name, copy), one);
        if (changes.length === 0) continue;
        const isLast = name === one.last.name && at >= one.last.from && at < one.last.to;
        if (isLast) excepted += 1;
        else wrong.push(`${name} at ${at}: ${changes.join(', ')}`);
      }
    }
    return { wrong, excepted };
  }

  // 29 octets apart: that meets every frame, and each of the eight bits.
  test('a bit flips', { timeout: 300_000 }, async () => {
    const flip = (stretch: Buffer, at: number) => stretch.writeUInt8((stretch[0] ?? 0) ^ (1 << (at % 8)));
    const { wrong, excepted } = await sweep(1, 29, flip);
    expect(wrong).toEqual([]);
    // After an orderly stop the last group holds nothing but the spool's facts.
    if (end === 'killed') expect(excepted).toBeGreaterThan(0);
  });

  test.each<readonly [string, (stretch: Buffer) => void]>([
    ['becomes zeros', (stretch) => stretch.fill(0)],
    ['becomes ones', (stretch) => stretch.fill(0xff)],
    ['becomes noise', (stretch) => seededRandom(8).bytes(stretch.length).copy(stretch)],
  ])('a sector, or a page, %s', { timeout: 120_000 }, async (_how, change) => {
    for (const octets of [SECTOR, PAGE]) expect((await sweep(octets, octets, change)).wrong).toEqual([]);
  });
});
