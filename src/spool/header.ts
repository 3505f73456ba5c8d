// The header of a segment, as octets. Pure. It stands in the segment's first page and again in its last, and in each
// page eight times, once a 512-octet sector, so that neither a torn write nor a bad page hides it.
//
// A header begins a generation of its segment. The generation's number orders the generations of all segments; a
// nonce makes its seal differ from every other.
//
// test/spool/mutants.test.ts quotes passages of this file.

import * as v from 'valibot';
import { crc32c } from './crc32c.ts';
import { PAGE, readNumber, writeNumber } from './frame.ts';
import { decodeJson, type Facts, FactsSchema } from './records.ts';

const FORMAT_VERSION = 1;
const MAGIC = Buffer.from('GATEPOST');
const SECTOR = 512;
const SECTORS = PAGE / SECTOR;
const FACTS_AT = 56;
const LARGEST_FACTS = SECTOR - FACTS_AT;

/** Octets of a nonce. */
export const NONCE = 16;

/**
 * What a header says of the other generations, so that recovery knows what must be there: otherwise damage would look
 * like a torn write.
 */
export type RingNote = {
  /** The generations that the ring held when this one began, as ranges: `5-9,11`. */
  readonly ring: string;
  /** Up to which octet the generation just before this one was whole and synced; 0 if it was given up. */
  readonly leftAt: number;
};

/** A header as it was read. */
export type Header = {
  readonly generation: number;
  /** What the CRCs of this generation's frames start from. */
  readonly seed: number;
  /** Octets of the file when this generation began. */
  readonly size: number;
  readonly facts: Facts;
  /** Whether it was begun by a release that lists generations in the manifest. */
  readonly isListed: boolean;
} & RingNote;

/** A spool that a newer release has written; nothing in it may be touched. */
export class NewerFormat extends Error {
  override readonly name = 'NewerFormat';
  /** `version` is the format that the file names. */
  constructor(version: number) {
    super(`it was written in format ${version} by a newer release; this one reads up to format ${FORMAT_VERSION}`);
  }
}

/** What the CRCs of a generation's frames start from, so that no frame of an earlier generation reads as valid. */
export function seedOf(generation: number, nonce: Buffer): number {
  const octets = Buffer.alloc(8);
  writeNumber(octets, generation, 0);
  return crc32c(octets, crc32c(nonce));
}

/**
 * The header page of a new generation. A sector is: u32 CRC of the rest | magic 8 | u16 version | u16 octets of JSON |
 * u64 generation | u64 file size | nonce 16 | zero to 56 | JSON. All numbers are little-endian. Throws if the JSON
 * does not fit.
 */
export function encodeHeader(generation: number, nonce: Buffer, size: number, facts: Facts, note: RingNote): Buffer {
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

/**
 * The header in a header page: the newest of all that its sectors hold whole; undefined for none. Throws NewerFormat
 * and UnexpectedRecord.
 */
export function decodeHeader(page: Buffer): Header | undefined {
  let newest: Header | undefined;
  for (let at = 0; at + SECTOR <= page.length; at += SECTOR) {
    const sector = page.subarray(at, at + SECTOR);
    if (!sector.subarray(4, 12).equals(MAGIC) || crc32c(sector.subarray(4)) !== sector.readUInt32LE(0)) continue;
    const version = sector.readUInt16LE(12);
    if (version > FORMAT_VERSION) throw new NewerFormat(version);
    const generation = readNumber(sector, 16);
    if (!Number.isSafeInteger(generation) || (newest !== undefined && newest.generation >= generation)) continue;
    newest = decodeSector(sector, generation);
  }
  return newest;
}

const HeaderJson = v.object({
  facts: FactsSchema,
  ring: v.optional(v.string(), ''),
  leftAt: v.optional(v.number(), 0),
  listed: v.exactOptional(v.boolean()),
});

function decodeSector(sector: Buffer, generation: number): Header {
  const json = sector.subarray(FACTS_AT, FACTS_AT + sector.readUInt16LE(14));
  const { facts, ring, leftAt, listed } = decodeJson('a header', HeaderJson, json);
  return {
    generation,
    seed: seedOf(generation, sector.subarray(32, 32 + NONCE)),
    size: readNumber(sector, 24),
    facts,
    isListed: listed === true,
    ring,
    leftAt,
  };
}

// So that the header always fits its sector. Generations follow each other except after failures, so it hardly ever
// matters.
const LONGEST_RING = 90;

/** Ascending generations as ranges; the oldest are left out when there are too many gaps. */
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

/** The generations that `formatRing` wrote. */
export function parseRing(text: string): readonly number[] {
  return text.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return range === '' ? [] : Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
