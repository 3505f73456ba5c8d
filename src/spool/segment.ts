// Segments: files of one size, zero-filled and synced when made, then used again and again. A life of
// a segment begins when its header is written, with a generation that orders the lives and a nonce
// that tells them apart. The header stands in the first page and again in the last, and in each page
// eight times, once a 512-octet sector, so that neither a torn write nor a bad page hides it.

import type { Disk, DiskFile } from '../system/disk.ts';
import type { Random } from '../system/random.ts';
import type { Offers } from '../vocabulary/offers.ts';
import type { FlashFacts } from '../vocabulary/spool-status.ts';
import { crc32c } from './crc32c.ts';
import { type Frame, type OpenedFrame, openFrame, PAGE, readNumber, sealFrame, writeNumber } from './frame.ts';

export const FORMAT_VERSION = 1;
const MAGIC = Buffer.from('GATEPOST');
const SECTOR = 512;
const SECTORS = PAGE / SECTOR;
const FACTS_AT = 56;
const LARGEST_FACTS = SECTOR - FACTS_AT;
const NONCE = 16;

/** What the spool knows beside its messages; written into the header of each new life, so the newest header has it all. */
export type Facts = {
  /** Tells this spool from all others. */
  readonly instance: string;
  /** Message numbers below this one may have been used. */
  readonly nextNumber: number;
  /** How long the relay has been running, all in all, in milliseconds: ages are measured in it, so no set of the date expires a message. */
  readonly running: number;
  /** The latest date ever seen: a board without a battery-backed clock starts before it. */
  readonly newest?: number;
  /** What was written to the flash. */
  readonly flash?: FlashFacts;
  /** What the upstreams take, as last advertised; absent when never learned. */
  readonly upstream?: Offers;
};

/** What a header says beside the facts, so that recovery knows what must be there: without it, damage could not be told from a torn write. */
export type LifeNote = {
  /** Generations of the lives that the ring held when this one began, as ranges: `5-9,11`. */
  readonly ring: string;
  /** How far the life of the generation before this one was whole and synced; 0 if it was given up. */
  readonly leftAt: number;
};

export type Header = {
  readonly generation: number;
  readonly seed: number;
  /** Octets of the file when this life began. */
  readonly size: number;
  readonly facts: Facts;
  /** Whether it was begun by a release that lists lives in the manifest. */
  readonly isListed: boolean;
} & LifeNote;

export type Segment = {
  readonly name: string;
  readonly file: DiskFile;
  /** Octets of the file, header pages included. */
  readonly size: number;
  generation: number;
  seed: number;
  /** What fills the rest of a group's last page in this life. */
  padding: number;
  /** Where the next group goes; frames end here. */
  end: number;
  /** All before this is known to be on the flash. */
  durableEnd: number;
  /** Octets of frames that somebody still needs. */
  live: number;
  /** A write or sync failed: nothing more is written in this life. */
  failed: boolean;
  /** Recovery found damage on it: it is set aside when it comes free, for someone to look at. */
  isDamaged: boolean;
};

export type Place = { readonly segment: Segment; readonly at: number; readonly size: number };

/** Whether the frame was written to a segment that failed before it was synced. */
export function isUnreliable(place: Place): boolean {
  return place.segment.failed && place.at >= place.segment.durableEnd;
}

/** The frame at a place; undefined when what stands there is not it, because the flash lost it or the segment began another life. */
export async function readFrame({ segment, at, size }: Place): Promise<OpenedFrame | undefined> {
  const octets = Buffer.allocUnsafe(size);
  await segment.file.read(octets, at);
  return openFrame(octets, 0, segment.seed);
}

// A card that is dead altogether lets each read wait; then the rest of a file is not asked for.
const MOST_BAD_PAGES = 16;

/** Reads like `file.read`, but what the disk can't read becomes zeros, as if nothing had ever been written there. */
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

/** Octets of frames that a segment of `size` holds. */
export function roomIn(size: number): number {
  return size - 2 * PAGE;
}

/** Where frames must end in this segment. */
export function frameLimit(segment: Segment): number {
  return segment.size - PAGE;
}

const SEGMENT_NAME = /^\d{6}\.segment$/;

export function isSegmentName(name: string): boolean {
  return SEGMENT_NAME.test(name);
}

export function segmentName(index: number): string {
  return `${String(index).padStart(6, '0')}.segment`;
}

/**
 * Makes a segment file: all its blocks written once, so that no later write changes the file's
 * metadata, and its name on the flash. A file that can't be finished is taken away again.
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
  return blankSegment(name, file, size);
}

export function blankSegment(name: string, file: DiskFile, size: number): Segment {
  return {
    name,
    file,
    size,
    generation: 0,
    seed: 0,
    padding: PADDING,
    end: PAGE,
    durableEnd: PAGE,
    live: 0,
    failed: false,
    isDamaged: false,
  };
}

/** Begins a life: gives the segment a generation and a nonce. The returned header page goes to `writeHeader` before any frame is written. */
export function beginLife(segment: Segment, generation: number, facts: Facts, note: LifeNote, random: Random): Buffer {
  const nonce = random.bytes(NONCE);
  const page = encodeHeader(generation, nonce, segment.size, facts, note);
  Object.assign(segment, {
    generation,
    seed: seedOf(generation, nonce),
    padding: PADDING,
    end: PAGE,
    durableEnd: PAGE,
    live: 0,
    failed: false,
  });
  return page;
}

/**
 * Writes the header of a new life into the first and the last page; resolves when both are on the flash.
 * No frame may be written before: it would lie among what is left of the former life, and if the power
 * went then, a header of that life that is still whole would vouch for a body and a commit whose `done`
 * was just written over.
 */
export async function writeHeader(segment: Segment, page: Buffer): Promise<void> {
  await segment.file.writev([page], 0);
  await segment.file.writev([page], frameLimit(segment));
  await segment.file.datasync();
}

/** The octets of a group of frames at the segment's end, padded to whole pages. */
export function sealGroup(segment: Segment, frames: readonly Frame[], padding: number): Uint8Array[] {
  const slices: Uint8Array[] = [];
  for (const frame of frames) slices.push(...sealFrame(frame, segment.seed, segment.durableEnd / PAGE));
  if (padding > 0) slices.push(PADDING_PAGE.subarray(0, padding));
  return slices;
}

/**
 * Not zeros, so that a sector that the flash has lost can't pass for the end of a group, and no octet
 * that a frame's head could be taken for. In the lives of releases without manifest it is zeros.
 */
export const PADDING = 0xa5;
const PADDING_PAGE = Buffer.alloc(PAGE, PADDING);

function seedOf(generation: number, nonce: Buffer): number {
  const octets = Buffer.alloc(8);
  writeNumber(octets, generation, 0);
  return crc32c(octets, crc32c(nonce));
}

// So that the header always fits its sector. Generations follow each other but for failures, so it hardly ever matters.
const LONGEST_RING = 90;

/** Generations as ranges; the oldest are left out when there are too many gaps. */
export function formatRing(generations: readonly number[]): string {
  const ranges = toRanges(generations);
  while (ranges.join(',').length > LONGEST_RING) ranges.shift();
  return ranges.join(',');
}

/** Ascending numbers, shortened: `5-9,11`. */
export function formatRanges(numbers: readonly number[]): string {
  return toRanges(numbers).join(',');
}

function toRanges(numbers: readonly number[]): string[] {
  const ranges: string[] = [];
  let from = 0;
  numbers.forEach((number, at) => {
    if (numbers[at + 1] === number + 1) return;
    const first = numbers[from] ?? number;
    ranges.push(first === number ? `${first}` : `${first}-${number}`);
    from = at + 1;
  });
  return ranges;
}

/** The generations in `text`. */
export function parseRing(text: string): readonly number[] {
  return text.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return range === '' ? [] : Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}

// A sector of the header: u32 CRC of the rest | magic 8 | u16 version | u16 octets of facts | u64 generation | u64 file size | nonce 16 | zero to 56 | facts as JSON
function encodeHeader(generation: number, nonce: Buffer, size: number, facts: Facts, note: LifeNote): Buffer {
  const json = Buffer.from(JSON.stringify({ facts, ...note, listed: true }));
  if (json.length > LARGEST_FACTS) throw new Error(`the spool's facts take ${json.length} octets, more than ${LARGEST_FACTS}`);
  const sector = Buffer.alloc(SECTOR);
  MAGIC.copy(sector, 4);
  sector.writeUInt16LE(FORMAT_VERSION, 12);
  sector.writeUInt16LE(json.length, 14);
  writeNumber(sector, generation, 16);
  writeNumber(sector, size, 24);
  nonce.copy(sector, 32);
  json.copy(sector, FACTS_AT);
  sector.writeUInt32LE(crc32c(sector.subarray(4)), 0);
  return Buffer.concat(Array.from({ length: SECTORS }, () => sector));
}

/** A spool that a newer release has written; nothing in it may be touched. */
export class NewerFormat extends Error {
  override readonly name = 'NewerFormat';
  constructor(version: number) {
    super(`it was written in format ${version} by a newer release; this one reads up to format ${FORMAT_VERSION}`);
  }
}

/** The header in a header page: the newest that any sector holds whole; undefined for none. Throws NewerFormat. */
export function decodeHeader(page: Buffer): Header | undefined {
  let newest: Header | undefined;
  for (let at = 0; at + SECTOR <= page.length; at += SECTOR) {
    const sector = page.subarray(at, at + SECTOR);
    if (!sector.subarray(4, 12).equals(MAGIC) || crc32c(sector.subarray(4)) !== sector.readUInt32LE(0)) continue;
    const version = sector.readUInt16LE(12);
    if (version > FORMAT_VERSION) throw new NewerFormat(version);
    const generation = readNumber(sector, 16);
    if (!Number.isSafeInteger(generation) || (newest !== undefined && newest.generation >= generation)) continue;
    const { facts, ring, leftAt, listed } = JSON.parse(sector.toString('utf8', FACTS_AT, FACTS_AT + sector.readUInt16LE(14))) as {
      facts: Facts;
      listed?: true;
    } & LifeNote;
    newest = {
      generation,
      seed: seedOf(generation, sector.subarray(32, 32 + NONCE)),
      size: readNumber(sector, 24),
      facts,
      isListed: listed === true,
      ring,
      leftAt,
    };
  }
  return newest;
}
