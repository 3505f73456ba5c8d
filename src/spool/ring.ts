// The ring of segments: which hold a life, which are free, and which comes next. First in, first out: a
// freed segment still holds its former life until it is written again, and a younger one may hold the
// `done` of a message in it. So the older must go first.

import type { Disk } from '../system/disk.ts';
import type { Random } from '../system/random.ts';
import { SCARCE } from './compaction.ts';
import type { FlashMeter } from './flash.ts';
import { PAGE } from './frame.ts';
import { beginLife, type Facts, formatRing, makeSegment, type Segment, segmentName, writeHeader } from './segment.ts';

export interface Ring {
  /** Segments with a life, oldest first; the newest is being written, or was last. */
  readonly segments: readonly Segment[];
  /** All files that are open. */
  all(): readonly Segment[];
  /** How many segments may still be begun. */
  available(): number;
  /** Moves segments without a live frame from the old end to the free ones. */
  reclaim(): void;
  /** The next segment, its life begun and the header on the flash. Rejects when there is none, or when that fails. */
  next(): Promise<Segment>;
  /** Notes that a segment was left in order, all of it synced. */
  left(segment: Segment): void;
  /** Takes a segment off the disk whose life failed before anything in it was believed. */
  drop(segment: Segment): Promise<void>;
  /** Makes a first file if there is none, which finds out whether the folder can be written. */
  prepare(): Promise<void>;
}

export type RingParts = {
  readonly disk: Disk;
  readonly random: Random;
  readonly segmentSize: number;
  readonly segments: number;
  readonly flash: FlashMeter;
  readonly facts: () => Facts;
  /** Something that harms no mail could not be done. */
  readonly failed: (problem: string) => void;
  /** As recovery found them; the ring's own from now on. */
  readonly ring: Segment[];
  readonly free: Segment[];
};

export function createRing(parts: RingParts): Ring {
  const { disk, ring, free } = parts;
  let generation = ring.at(-1)?.generation ?? 0;
  let wasLeft: Segment | undefined;
  // A spool that was made smaller shrinks as its segments come free; until then it still needs room for the `done`s that free them.
  let limit = Math.max(parts.segments, ring.length + SCARCE);

  /** The newest stays: until the next life is synced, its header is all that knows the spool's facts. */
  function reclaim(): void {
    while (ring.length > 1 && ring[0]?.live === 0) free.push(...ring.splice(0, 1));
    limit = Math.min(limit, Math.max(parts.segments, ring.length + SCARCE));
  }

  async function makeOne(): Promise<Segment> {
    const used = new Set(await disk.list());
    let index = 0;
    while (used.has(segmentName(index))) index += 1;
    const segment = await makeSegment(disk, segmentName(index), parts.segmentSize);
    parts.flash.wrote(parts.segmentSize);
    parts.flash.synced();
    return segment;
  }

  /** Takes a segment of another size, or beyond the budget, off the disk. */
  async function discard(segment: Segment): Promise<void> {
    await segment.file.close();
    await disk.remove(segment.name);
    await disk.syncDirectory();
  }

  /** What was found damaged is kept for someone to look at, under a name that recovery leaves alone. */
  async function setAside(segment: Segment): Promise<void> {
    await segment.file.close();
    await disk.rename(segment.name, `${segment.name}.damaged-${segment.generation}`);
    await disk.syncDirectory();
  }

  /** The oldest free segment that can be used again; the others on the way to it go. */
  async function takeFree(): Promise<Segment | undefined> {
    for (let segment = free.shift(); segment !== undefined; segment = free.shift()) {
      if (segment.isDamaged) await setAside(segment);
      else if (segment.size !== parts.segmentSize || ring.length + free.length >= limit) await discard(segment);
      else return segment;
    }
    return undefined;
  }

  /** Its former life may still stand there, so it can't wait among the free ones. */
  async function drop(segment: Segment): Promise<void> {
    ring.splice(ring.indexOf(segment), 1);
    try {
      await discard(segment);
    } catch (error) {
      parts.failed(`segment ${segment.name} can't be removed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  return {
    segments: ring,
    all: () => [...ring, ...free],
    available: () => limit - ring.length,
    reclaim,
    async next() {
      reclaim();
      const used = await takeFree();
      if (used === undefined && ring.length >= limit) throw Object.assign(new Error('the spool is full'), { code: 'ENOSPC' });
      const segment = used ?? (await makeOne());
      generation += 1;
      const previous = ring.at(-1);
      const leftAt = previous !== undefined && wasLeft === previous ? previous.durableEnd : 0;
      const note = { ring: formatRing(ring.map((one) => one.generation)), leftAt };
      const header = beginLife(segment, generation, parts.facts(), note, parts.random);
      ring.push(segment);
      try {
        await writeHeader(segment, header);
      } catch (error) {
        await drop(segment);
        throw error;
      }
      parts.flash.wrote(2 * PAGE);
      parts.flash.synced();
      return segment;
    },
    left(segment) {
      wasLeft = segment;
    },
    drop,
    async prepare() {
      if (ring.length + free.length === 0) free.push(await makeOne());
    },
  };
}
