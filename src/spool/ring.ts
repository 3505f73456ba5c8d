// The ring of segments: which hold a life, which are free, and which comes next. First in, first out: a
// freed segment still holds its former life until it is written again, and a younger one may hold the
// `done` of a message in it. So the older must go first: the manifest says which lives are over, but it
// may be lost, and older releases do not read it.

import type { Disk } from '../system/disk.ts';
import type { Random } from '../system/random.ts';
import { SCARCE } from './compaction.ts';
import type { FlashMeter } from './flash.ts';
import { PAGE } from './frame.ts';
import { type Manifest, MOST_MISSING } from './manifest.ts';
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
  /** Gives up a segment whose life failed before anything in it was believed. */
  drop(segment: Segment): void;
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
  readonly manifest: Manifest;
  /** Something that harms no mail could not be done. */
  readonly failed: (problem: string) => void;
  /** As recovery found them; the ring's own from now on. */
  readonly ring: Segment[];
  readonly free: Segment[];
  /** The highest generation that was ever begun. */
  readonly newestGeneration: number;
  /** The highest that a release without manifest has begun. */
  readonly newestOfOlder: number;
  /** Generations that must be there and are not. */
  readonly missed: readonly number[];
};

export function createRing(parts: RingParts): Ring {
  const { disk, ring, free, manifest } = parts;
  let generation = parts.newestGeneration;
  // Files that are to go from the disk, or to be set aside, once no manifest on the flash names their lives.
  const leaving: Segment[] = [];
  // A spool that was made smaller shrinks as its segments come free; until then it still needs room for the `done`s that free them.
  let limit = Math.max(parts.segments, ring.length + SCARCE);

  /** How many segments from the old end hold nothing that lives. */
  function countDead(): number {
    const living = ring.findIndex((segment) => segment.live > 0);
    return living < 0 ? ring.length : living;
  }

  /** The newest stays: until the next life's header is synced, its own is all that knows the spool's facts. */
  function reclaim(): void {
    free.push(...ring.splice(0, Math.min(countDead(), ring.length - 1)));
    limit = Math.min(limit, Math.max(parts.segments, ring.length + SCARCE));
  }

  /** The oldest free segment that can be used again; those on the way to it that can't are leaving. */
  function takeFree(): Segment | undefined {
    for (let segment = free.shift(); segment !== undefined; segment = free.shift()) {
      const isFit = !segment.isDamaged && segment.size === parts.segmentSize && ring.length + free.length < limit;
      if (isFit) return segment;
      leaving.push(segment);
    }
    return undefined;
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

  /** Puts the segments into the manifest; then files that it no longer names may go. */
  async function list(segments: readonly Segment[]): Promise<void> {
    const lives = segments.map((segment) => ({ generation: segment.generation, name: segment.name }));
    parts.flash.wrote(
      await manifest.write({ newest: generation, newestOfOlder: parts.newestOfOlder, lives, missing: parts.missed.slice(-MOST_MISSING) }),
    );
    parts.flash.synced();
    for (const segment of leaving.splice(0)) await letGo(segment);
  }

  /** Takes a file off the disk; a damaged one is kept for someone to look at, under a name that recovery leaves alone. */
  async function letGo(segment: Segment): Promise<void> {
    try {
      await segment.file.close();
      if (segment.isDamaged) await disk.rename(segment.name, `${segment.name}.damaged-${segment.generation}`);
      else await disk.remove(segment.name);
      await disk.syncDirectory();
    } catch (error) {
      parts.failed(`segment ${segment.name} can't be removed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** A file for the next life, which no manifest names any more. */
  async function takeFile(): Promise<Segment> {
    const used = takeFree();
    if (used === undefined && ring.length >= limit) throw Object.assign(new Error('the spool is full'), { code: 'ENOSPC' });
    try {
      if (leaving.length > 0 || (used !== undefined && manifest.mayName(used.generation))) await list(ring);
    } catch (error) {
      if (used !== undefined) free.unshift(used);
      throw error;
    }
    return used ?? (await makeOne());
  }

  return {
    segments: ring,
    all: () => [...ring, ...free, ...leaving],
    available: () => limit - ring.length,
    reclaim,
    async next() {
      reclaim();
      const segment = await takeFile();
      generation += 1;
      const previous = ring.at(-1);
      // Only of the generation just before: with one between that was given up, older releases would take it for that one's end.
      const leftAt = previous?.generation === generation - 1 ? previous.durableEnd : 0;
      const note = { ring: formatRing(ring.map((one) => one.generation)), leftAt };
      const header = beginLife(segment, generation, parts.facts(), note, parts.random);
      try {
        await writeHeader(segment, header);
        parts.flash.wrote(2 * PAGE);
        parts.flash.synced();
        // What the segment before it still held may be gone by now: then it need not be listed, and its file can be used next.
        await list([...ring.slice(countDead()), segment]);
      } catch (error) {
        leaving.push(segment);
        throw error;
      }
      ring.push(segment);
      reclaim();
      return segment;
    },
    drop(segment) {
      if (ring.length === 1) return; // its header is all that knows the spool's facts
      ring.splice(ring.indexOf(segment), 1);
      leaving.push(segment);
    },
    async prepare() {
      if (ring.length + free.length === 0) free.push(await makeOne());
    },
  };
}
