// A segment: one file of a fixed size, zero-filled and synced when made, then used again and again. Each use is a
// generation: it begins with a header (header.ts), and groups of frames follow, each group on a fresh page.
//
// The segment alone knows how far it is written and synced, and how many of its octets are still needed. Which
// segment comes next is the ring's to say (ring.ts).
//
// test/spool/mutants.test.ts quotes passages of this file.

import type { Disk, DiskFile } from '../system/disk.ts';
import type { Random } from '../system/random.ts';
import { type Frame, frameSize, type OpenedFrame, openFrame, PAGE, sealFrame, toPages } from './frame.ts';
import { encodeHeader, type Header, NONCE, type RingNote, seedOf } from './header.ts';
import type { Facts } from './records.ts';

/** Where a frame stands: `at` is its first octet in the file, `size` its octets with the head. */
export type Place = { readonly segment: Segment; readonly at: number; readonly size: number };

/**
 * Fills the rest of a group's last page. It is not zero, so that a sector that the flash has lost does not look like
 * the end of a group, and no frame's head begins with it. In generations of releases without manifest it is zero.
 */
const PADDING = 0xa5;
const PADDING_PAGE = Buffer.alloc(PAGE, PADDING);

/** Octets of frames that a segment of `size` octets holds. */
export function roomIn(size: number): number {
  return size - 2 * PAGE;
}

const SEGMENT_NAME = /^\d{6}\.segment$/;

/** Whether a file of this name is a segment, or should be. */
export function isSegmentName(name: string): boolean {
  return SEGMENT_NAME.test(name);
}

/** The name of the segment with that index, below a million: `000042.segment`. */
export function segmentName(index: number): string {
  return `${String(index).padStart(6, '0')}.segment`;
}

/** A segment file and its numbers, all of which are offsets or counts in octets. */
export class Segment {
  readonly name: string;
  /** Octets of the file, header pages included. */
  readonly size: number;
  readonly #file: DiskFile;
  #generation = 0;
  #seed = 0;
  #padding = PADDING;
  // The next group goes here: all frames end at or before it.
  #end = PAGE;
  // All octets before this one are known to be on the flash.
  #durableEnd = PAGE;
  // Octets of frames that are still needed.
  #live = 0;
  #isRetired = false;
  #isDamaged = false;
  #isGone = false;

  /** A segment without a generation: new, or its header can't be read. */
  constructor(name: string, file: DiskFile, size: number) {
    this.name = name;
    this.#file = file;
    this.size = size;
  }

  /** The segment in the generation that its header names, as recovery found it. */
  static inGeneration(name: string, file: DiskFile, header: Header): Segment {
    const segment = new Segment(name, file, header.size);
    segment.#generation = header.generation;
    segment.#seed = header.seed;
    segment.#padding = header.isListed ? PADDING : 0;
    return segment;
  }

  /** The number of the generation that it is in; 0 for none. */
  get generation(): number {
    return this.#generation;
  }

  /** What the CRCs of this generation's frames start from. */
  get seed(): number {
    return this.#seed;
  }

  /** The octet that fills the rest of a group's last page in this generation. */
  get padding(): number {
    return this.#padding;
  }

  /** Where the next group goes, as an offset in octets. */
  get end(): number {
    return this.#end;
  }

  /** All octets before this one are known to be on the flash. */
  get durableEnd(): number {
    return this.#durableEnd;
  }

  /** Octets that frames may still take in this generation. */
  get roomLeft(): number {
    return this.#lastPage - this.#end;
  }

  /** Octets that hold no frame that is still needed. */
  get unneeded(): number {
    return roomIn(this.size) - this.#live;
  }

  /** Whether any of its frames is still needed. */
  get isNeeded(): boolean {
    return this.#live > 0;
  }

  /** Whether any frame of this generation was ever synced. */
  get hasSyncedFrames(): boolean {
    return this.#durableEnd > PAGE;
  }

  /** Whether it is to be set aside when it comes free, for someone to look at. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** Whether its file was removed or replaced while the relay runs. It can still be read. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether its file still has its name in the folder; also when that can't be found out. */
  isThere(): Promise<boolean> {
    return this.#file.isAt(this.name).catch(() => true);
  }

  /** Its file is not in the folder any more: nothing that is written here can be relied on, and nothing more is. */
  markGone(): void {
    this.#isGone = true;
  }

  /**
   * Begins a generation: writes its header into the first and the last page; resolves when both are on the flash.
   * No frame may be written before: it would lie among what is left of the generation before, and if the power went
   * then, a header of that one which is still whole would vouch for a body and a commit whose `done` was just
   * overwritten. Rejects with what the disk says; then nothing may be written here any more.
   */
  async begin(generation: number, facts: Facts, note: RingNote, random: Random): Promise<void> {
    const nonce = random.bytes(NONCE);
    const page = encodeHeader(generation, nonce, this.size, facts, note);
    this.#generation = generation;
    this.#seed = seedOf(generation, nonce);
    this.#padding = PADDING;
    this.#end = PAGE;
    this.#durableEnd = PAGE;
    this.#live = 0;
    this.#isRetired = false;
    await this.#file.writev([page], 0);
    await this.#file.writev([page], this.#lastPage);
    await this.#file.datasync();
  }

  /**
   * Writes the frames as one group and resolves with their places, in order; they are not synced yet. The caller sees
   * to it that the group fits (`roomLeft`). Rejects with what the disk says.
   */
  async append(frames: readonly Frame[]): Promise<readonly Place[]> {
    const slices: Uint8Array[] = [];
    const places: Place[] = [];
    const start = this.#end;
    let octets = 0;
    for (const frame of frames) {
      const size = frameSize(frame);
      slices.push(...sealFrame(frame, this.#seed, this.#durableEnd / PAGE));
      places.push({ segment: this, at: start + octets, size });
      octets += size;
    }
    const padded = toPages(octets);
    if (padded > octets) slices.push(PADDING_PAGE.subarray(0, padded - octets));
    await this.#file.writev(slices, start);
    this.#end = start + padded;
    return places;
  }

  /**
   * Resolves when all that was written before is on the flash. A sync that was rejected must not be repeated:
   * `retire`.
   */
  async sync(): Promise<void> {
    const end = this.#end;
    await this.#file.datasync();
    this.#durableEnd = end;
  }

  /** Syncs what recovery found, since a killed process may only have written it. Rejects with what the disk says. */
  async syncFound(): Promise<void> {
    await this.#file.datasync();
  }

  /**
   * The frame at `place`; undefined when something else stands there: the flash lost it, or another generation began.
   */
  async read({ at, size }: Place): Promise<OpenedFrame | undefined> {
    const octets = Buffer.allocUnsafe(size);
    await this.#file.read(octets, at);
    return openFrame(octets, 0, this.#seed);
  }

  /**
   * All octets before the last page, for recovery; what can't be read is zero, and a file that was cut off gives
   * fewer.
   */
  async readAll(): Promise<Buffer> {
    const octets = Buffer.alloc(Math.max(0, this.#lastPage));
    return octets.subarray(0, await readWhatCan(this.#file, octets, 0));
  }

  /** Recovery has found that frames end at `end`, and that all before `durableEnd` is whole. */
  foundEnds(end: number, durableEnd: number): void {
    this.#end = end;
    this.#durableEnd = durableEnd;
  }

  /** The frame at `place` is needed: until its release this segment is not used again. */
  hold(place: Place): void {
    this.#live += place.size;
  }

  /** Undoes one `hold`. */
  release(place: Place): void {
    this.#live -= place.size;
  }

  /**
   * A write or a sync has failed: nothing more is written in this generation, and what was not synced can't be relied
   * on.
   */
  retire(): void {
    this.#isRetired = true;
  }

  /**
   * Whether the frame at `place` is there, as far as is known: false once the segment is gone, or was retired before a
   * sync covered the frame.
   */
  isReliable(place: Place): boolean {
    if (this.#isGone) return false;
    return !this.#isRetired || place.at < this.#durableEnd;
  }

  /** Recovery found damage here: the segment is set aside when it comes free. */
  markDamaged(): void {
    this.#isDamaged = true;
  }

  /** Closes the file. */
  close(): Promise<void> {
    return this.#file.close();
  }

  /** Where the last page, which holds the header again, begins. */
  get #lastPage(): number {
    return this.size - PAGE;
  }
}

/**
 * Makes a segment file in which every block was written once, so that no later write changes the file's metadata; its
 * name is on the flash when this resolves. A file that can't be finished is removed. Rejects with what the disk says.
 */
export async function makeSegment(disk: Disk, name: string, size: number): Promise<Segment> {
  const file = await disk.create(name);
  try {
    const zeros = Buffer.alloc(64 * 1024);
    for (let at = 0; at < size; at += zeros.length) await file.writev([zeros.subarray(0, Math.min(zeros.length, size - at))], at);
    await file.datasync();
    await disk.syncDirectory();
  } catch (error) {
    await file.close();
    await disk.remove(name);
    throw error;
  }
  return new Segment(name, file, size);
}

// A card that has failed altogether lets each read wait long; after so many bad pages the rest of a file is not read.
const MOST_BAD_PAGES = 16;

/** Reads like `file.read`, but what the disk can't read becomes zero, as if nothing had ever been written there. */
export async function readWhatCan(file: DiskFile, into: Buffer, at: number): Promise<number> {
  try {
    return await file.read(into, at);
  } catch {
    into.fill(0);
  }
  let bad = 0;
  for (let from = 0; from < into.length && bad < MOST_BAD_PAGES; from += PAGE) {
    const page = into.subarray(from, from + PAGE);
    try {
      const length = await file.read(page, at + from);
      if (length < page.length) return from + length;
    } catch {
      page.fill(0);
      bad += 1;
    }
  }
  return into.length;
}
