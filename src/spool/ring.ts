// The ring of segments: which are in use, which are free, and which comes next. First in, first out: a segment that
// came free still holds its old generation until it is written again, and a younger one may hold the `done` of a
// message in it. So the older is used again first: the manifest says which generations are over, but it may be lost,
// and older releases do not read it.
//
// test/spool/mutants.test.ts quotes passages of this file.

import type { Disk } from '../system/disk.ts';
import type { Random } from '../system/random.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { SpoolFacts } from './facts.ts';
import { formatRing } from './header.ts';
import { type Manifest, MOST_MISSING } from './manifest.ts';
import type { Recovered } from './recover.ts';
import { makeSegment, roomIn, type Segment, segmentName } from './segment.ts';

type RingParts = {
  readonly disk: Disk;
  readonly random: Random;
  readonly tell: Tell;
  /** Octets a segment, and how many at most. */
  readonly segmentSize: number;
  readonly segments: number;
  readonly facts: SpoolFacts;
  readonly manifest: Manifest;
  /** What recovery found; its segments are the ring's own from now on. */
  readonly recovered: Pick<Recovered, 'ring' | 'blank' | 'newestGeneration' | 'newestOfOlder' | 'missed'>;
};

// The last segments are only for what frees others: compaction's copies, outcomes and `done`s.
const SCARCE = 2;
// Compaction starts before that.
const RUNNING_LOW = 4;

/** Owns the segments: which are in use, free, or about to leave the disk. */
export class Ring {
  readonly #parts: RingParts;
  // Oldest first; the newest is being written, or was last.
  readonly #ring: Segment[];
  // In the order in which they are used again.
  readonly #free: Segment[];
  // Files that are to be removed, or to be set aside, once no manifest on the flash names their generations.
  readonly #leaving: Segment[] = [];
  #generation: number;
  #limit: number;

  /** The ring as recovery found it. Nothing is written before `prepare` or `next`. */
  constructor(parts: RingParts) {
    this.#parts = parts;
    this.#ring = [...parts.recovered.ring];
    this.#free = [...parts.recovered.blank];
    this.#generation = parts.recovered.newestGeneration;
    // A spool that was made smaller shrinks as its segments come free; until then it still needs room for the `done`s
    // that free them.
    this.#limit = Math.max(parts.segments, this.#ring.length + SCARCE);
  }

  /** The oldest segment in use, unless it is the only one, which is being written. */
  get oldest(): Segment | undefined {
    return this.#ring.length > 1 ? this.#ring[0] : undefined;
  }

  /** How many segments are in use. */
  get inUse(): number {
    return this.#ring.length;
  }

  /** All segments: in use, free, and about to leave the disk. */
  get segments(): readonly Segment[] {
    return [...this.#ring, ...this.#free, ...this.#leaving];
  }

  /** The segments in use whose files were removed, oldest first. */
  get gone(): readonly Segment[] {
    return this.#ring.filter(({ isGone }) => isGone);
  }

  /** Whether a file that was removed is out of use, so that the manifest should no longer name it. */
  get mustRelist(): boolean {
    return [...this.#free, ...this.#leaving].some(({ isGone }) => isGone);
  }

  /** Whether so few segments are left that only what frees others may begin one. */
  get isScarce(): boolean {
    return this.#available <= SCARCE;
  }

  /** Whether it is time to make segments free. */
  get isRunningLow(): boolean {
    return this.#available < RUNNING_LOW;
  }

  /**
   * Whether to copy what is needed once around the ring would free a segment at least: otherwise it is full of mail
   * that waits.
   */
  get isWorthCompacting(): boolean {
    const unneeded = this.#ring.reduce((sum, segment) => sum + segment.unneeded, 0);
    return unneeded >= roomIn(this.#ring[0]?.size ?? 0);
  }

  /**
   * Moves the segments at the old end of which nothing is needed to the free ones. The newest stays: until the header
   * of the next generation is synced, no other header holds the spool's newest facts.
   */
  reclaim(): void {
    this.#free.push(...this.#ring.splice(0, Math.min(this.#countUnneeded(), this.#ring.length - 1)));
    this.#limit = Math.min(this.#limit, Math.max(this.#parts.segments, this.#ring.length + SCARCE));
  }

  /**
   * The next segment, its generation begun, its header and its place in the manifest synced. Rejects with ENOSPC when
   * there is none, or with what the disk says.
   */
  async next(): Promise<Segment> {
    this.reclaim();
    const segment = await this.#takeFile();
    this.#generation += 1;
    const previous = this.#ring.at(-1);
    // Only of the generation just before: if one between was given up, older releases would take this for the end of
    // that one.
    const leftAt = previous?.generation === this.#generation - 1 ? previous.durableEnd : 0;
    const note = { ring: formatRing(this.#ring.map(({ generation }) => generation)), leftAt };
    try {
      await segment.begin(this.#generation, this.#parts.facts.current(), note, this.#parts.random);
      // If nothing in the segment before it is needed by now, that one need not be listed, and its file can be used
      // next.
      await this.#list([...this.#ring.slice(this.#countUnneeded()), segment]);
    } catch (error) {
      this.#leaving.push(segment);
      throw error;
    }
    this.#ring.push(segment);
    this.reclaim();
    return segment;
  }

  /** Gives up a segment whose generation failed before any frame of it was synced. */
  drop(segment: Segment): void {
    if (this.#ring.length === 1) return; // No other header holds the spool's facts.
    this.#ring.splice(this.#ring.indexOf(segment), 1);
    this.#leaving.push(segment);
  }

  /** Puts a segment whose file is gone out of use, once nothing in it is needed; never the only one. */
  discard(segment: Segment): void {
    if (this.#ring.length === 1) return; // No other header holds the spool's facts.
    this.#ring.splice(this.#ring.indexOf(segment), 1);
    this.#leaving.push(segment);
  }

  /** Writes the manifest anew, and lets go of files that are gone. Rejects with what the disk says, and with Ousted. */
  async relist(): Promise<void> {
    const free = this.#free.splice(0);
    this.#free.push(...free.filter(({ isGone }) => !isGone));
    this.#leaving.push(...free.filter(({ isGone }) => isGone));
    await this.#list(this.#ring);
  }

  /**
   * Makes a first file if there is none; so a folder that can't be written is noticed at the start. Rejects with what
   * the disk says.
   */
  async prepare(): Promise<void> {
    if (this.#ring.length + this.#free.length === 0) this.#free.push(await this.#makeOne());
  }

  /** Closes all files. */
  async close(): Promise<void> {
    for (const segment of this.segments) await segment.close();
  }

  /** How many segments may still be begun. */
  get #available(): number {
    return this.#limit - this.#ring.length;
  }

  /** How many segments from the old end hold no frame that is needed. */
  #countUnneeded(): number {
    const needed = this.#ring.findIndex((segment) => segment.isNeeded);
    return needed < 0 ? this.#ring.length : needed;
  }

  /** A file for the next generation, which no manifest names any more. */
  async #takeFile(): Promise<Segment> {
    const { manifest } = this.#parts;
    const used = this.#takeFree();
    if (used === undefined && this.#ring.length >= this.#limit) throw Object.assign(new Error('the spool is full'), { code: 'ENOSPC' });
    try {
      if (this.#leaving.length > 0 || (used !== undefined && manifest.mayName(used.generation))) await this.#list(this.#ring);
    } catch (error) {
      if (used !== undefined) this.#free.unshift(used);
      throw error;
    }
    return used ?? (await this.#makeOne());
  }

  /** The first free segment that can be used again; those before it that can't are leaving. */
  #takeFree(): Segment | undefined {
    for (let segment = this.#free.shift(); segment !== undefined; segment = this.#free.shift()) {
      const hasRightSize = segment.size === this.#parts.segmentSize;
      if (hasRightSize && !segment.isDamaged && !segment.isGone && this.#ring.length + this.#free.length < this.#limit) return segment;
      this.#leaving.push(segment);
    }
    return undefined;
  }

  async #makeOne(): Promise<Segment> {
    const { disk, segmentSize } = this.#parts;
    const used = new Set([...(await disk.list()), ...this.segments.map(({ name }) => name)]);
    let index = 0;
    while (used.has(segmentName(index))) index += 1;
    return makeSegment(disk, segmentName(index), segmentSize);
  }

  /** Puts the segments into the manifest; then files that it no longer names may go. */
  async #list(segments: readonly Segment[]): Promise<void> {
    const { manifest, recovered } = this.#parts;
    const { newestOfOlder, missed } = recovered;
    const listed = segments.map(({ generation, name }) => ({ generation, name }));
    await manifest.write({ newest: this.#generation, newestOfOlder, listed, missing: missed.slice(-MOST_MISSING) });
    for (const segment of this.#leaving.splice(0)) await this.#letGo(segment);
  }

  /**
   * Removes a file; a damaged one is kept for someone to look at, under a name that recovery ignores. A failure harms
   * no mail.
   */
  async #letGo(segment: Segment): Promise<void> {
    const { disk, tell } = this.#parts;
    try {
      await segment.close();
      if (segment.isGone) return; // Its name may be another file's by now.
      if (segment.isDamaged) await disk.rename(segment.name, `${segment.name}.damaged-${segment.generation}`);
      else await disk.remove(segment.name);
      await disk.syncDirectory();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      tell('spoolFailed', { problem: `segment ${segment.name} can't be removed: ${reason}` });
    }
  }
}
