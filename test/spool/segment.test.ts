// A segment alone: its numbers, as its groups are written, synced, needed and given up.

import { expect, test } from 'vitest';
import { type Frame, PAGE } from '../../src/spool/frame.ts';
import { makeSegment, type Segment } from '../../src/spool/segment.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';

const SIZE = 8 * PAGE;
const FACTS = { instance: 'cafe0001', nextNumber: 1, running: 0 };

const frame = (octets: number): Frame => ({ kind: 'body', number: 1, position: 0, payload: [Buffer.alloc(octets, 'x')] });

async function begunSegment(disk = powerLosingDisk()): Promise<Segment> {
  const segment = await makeSegment(disk, '000000.segment', SIZE);
  await segment.begin(1, FACTS, { ring: '', leftAt: 0 }, seededRandom(1));
  return segment;
}

test('a group stands on fresh pages, its frames back to back', async () => {
  const segment = await begunSegment();
  expect(segment.roomLeft).toBe(6 * PAGE);
  const [one, two] = await segment.append([frame(100), frame(200)]);
  expect([one?.at, one?.size, two?.at, two?.size]).toEqual([PAGE, 132, PAGE + 132, 232]);
  const [three] = await segment.append([frame(PAGE)]);
  expect(three?.at).toBe(2 * PAGE);
  expect(segment.roomLeft).toBe(3 * PAGE);
  for (const place of [one, two, three]) expect((await segment.read(place ?? { segment, at: 0, size: 0 }))?.kind).toBe('body');
});

test('a frame is needed from hold to release', async () => {
  const segment = await begunSegment();
  const [place] = await segment.append([frame(100)]);
  if (place === undefined) throw new Error('no place');
  expect({ isNeeded: segment.isNeeded, unneeded: segment.unneeded }).toEqual({ isNeeded: false, unneeded: 6 * PAGE });
  segment.hold(place);
  expect({ isNeeded: segment.isNeeded, unneeded: segment.unneeded }).toEqual({ isNeeded: true, unneeded: 6 * PAGE - 132 });
  segment.release(place);
  expect(segment.isNeeded).toBe(false);
});

test('once it is retired, only what was synced can be relied on', async () => {
  const segment = await begunSegment();
  const [synced] = await segment.append([frame(100)]);
  expect(segment.hasSyncedFrames).toBe(false);
  await segment.sync();
  expect(segment.hasSyncedFrames).toBe(true);
  const [written] = await segment.append([frame(100)]);
  if (synced === undefined || written === undefined) throw new Error('no place');
  expect(segment.isReliable(written)).toBe(true);
  segment.retire();
  expect([synced, written].map((place) => segment.isReliable(place))).toEqual([true, false]);
});

test('what an earlier generation wrote does not read as valid in the next', async () => {
  const segment = await begunSegment();
  const [place] = await segment.append([frame(100)]);
  if (place === undefined) throw new Error('no place');
  await segment.begin(2, FACTS, { ring: '1', leftAt: 0 }, seededRandom(2));
  expect(segment.generation).toBe(2);
  expect(segment.roomLeft).toBe(6 * PAGE);
  expect(await segment.read(place)).toBeUndefined();
});

test('a file that can not be finished is taken away again', async () => {
  const disk = powerLosingDisk();
  disk.onOperation = (operation) => {
    if (operation === 'datasync') throw Object.assign(new Error('EIO'), { code: 'EIO' });
  };
  await expect(makeSegment(disk, '000000.segment', SIZE)).rejects.toThrow('EIO');
  expect(await disk.list()).toEqual([]);
});
