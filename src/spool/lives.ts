// From the files in the folder to the lives that hold. Reads, never writes.
//
// With a manifest it is plain: the lives that it lists hold, a later one holds if anything was written in
// it, and all others are over. Without one (older releases keep none) every life that is found holds:
// what is over has nothing in it that lives, since segments come free oldest first.

import { type Disk, NotAFile } from '../system/disk.ts';
import { PAGE } from './frame.ts';
import type { FoundManifest, ListedLife, Lives } from './manifest.ts';
import { hasFrames } from './scan.ts';
import {
  blankSegment,
  decodeHeader,
  frameLimit,
  type Header,
  isSegmentName,
  PADDING,
  parseRing,
  readWhatCan,
  type Segment,
} from './segment.ts';

export type Life = {
  readonly segment: Segment;
  readonly header: Header;
  /** Octets of the file; fewer than the header says when it was cut off. */
  readonly octets: number;
};

export type Files = {
  /** Oldest first. */
  readonly lives: readonly Life[];
  /** Files without a header that can be read: never used, torn before anything in them was believed, or damaged. */
  readonly headless: readonly Segment[];
  /** What could not be opened under a segment's name, or is no file. It is left alone. */
  readonly unusable: readonly { readonly name: string; readonly error: unknown }[];
};

// These speak of the whole system, not of a file: the start fails, and the next may do better.
const OF_THE_SYSTEM: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EROFS']);

/** Opens all segments. Throws NewerFormat, and what the disk throws when the fault is not a file's. */
export async function openSegments(disk: Disk): Promise<Files> {
  const lives: Life[] = [];
  const headless: Segment[] = [];
  const unusable: { name: string; error: unknown }[] = [];
  for (const name of (await disk.list()).filter(isSegmentName).sort()) {
    const segment = await openSegment(disk, name).catch((error: unknown) => {
      if (OF_THE_SYSTEM.has((error as { code?: unknown }).code)) throw error;
      unusable.push({ name, error });
      return undefined;
    });
    if (segment === undefined) continue;
    const octets = segment.size;
    const header = await readHeader(segment);
    if (header === undefined) {
      headless.push(segment);
      continue;
    }
    const { generation, seed, size } = header;
    const padding = header.isListed ? PADDING : 0;
    lives.push({ segment: { ...segment, generation, seed, size, padding }, header, octets });
  }
  return { lives: lives.sort((one, other) => one.header.generation - other.header.generation), headless, unusable };
}

async function openSegment(disk: Disk, name: string): Promise<Segment> {
  const file = await disk.open(name);
  return blankSegment(name, file, await file.size());
}

async function readHeader(segment: Segment): Promise<Header | undefined> {
  const page = Buffer.alloc(PAGE);
  for (const at of [0, frameLimit(segment)]) {
    if (at < 0 || (await readWhatCan(segment.file, page, at)) < PAGE) continue;
    const header = decodeHeader(page);
    if (header !== undefined) return header;
  }
  return undefined;
}

export type Judged = {
  /** Lives that hold, oldest first. */
  readonly ring: readonly Life[];
  /** Lives that are over, oldest first, and second copies of a life. */
  readonly over: readonly Life[];
  /** Lives that must be there and are not. Without a manifest their files' names are not known. */
  readonly missing: readonly ListedLife[];
  /** Those, and what was missing before and has not come back: generations, for the next manifest. */
  readonly missed: readonly number[];
  /** Lives that were missing before, and are there again. */
  readonly back: readonly Life[];
  /** The highest generation that was ever begun, as far as is known. */
  readonly newest: number;
  /** Whether the manifest was found and holds. `outdated`: it lacks a life that was listed, so its newest page is lost. */
  readonly manifest: 'holds' | 'outdated' | 'none';
};

/** Which of the lives hold, and which that should are not there. */
export async function judge(lives: readonly Life[], found: FoundManifest): Promise<Judged> {
  if (found.state !== 'read') return judgeByHeaders(lives);
  const { listed } = found;
  const later: Life[] = [];
  for (const life of lives) if (life.header.generation > listed.newest && (await hasFrames(life.segment))) later.push(life);
  // A release without manifest has been at work since: it has used files again that are still listed.
  if (later.some(({ header }) => !header.isListed)) return judgeByHeaders(lives);
  return judgeByList(lives, listed, later);
}

function judgeByList(lives: readonly Life[], listed: Lives, later: readonly Life[]): Judged {
  const names = new Map<number, string | undefined>([
    ...listed.missing.map((generation) => [generation, undefined] as const),
    ...listed.lives.map(({ generation, name }) => [generation, name] as const),
    ...later.map(({ header }) => [header.generation, undefined] as const),
  ]);
  const ring: Life[] = [];
  for (const [generation, name] of names) {
    const found = lives.filter(({ header }) => header.generation === generation);
    // A file that somebody copied stands there twice; the copy may be older.
    const life = found.find(({ segment }) => segment.name === name) ?? found[0];
    if (life !== undefined) ring.push(life);
  }
  const there = new Set(ring.map(({ header }) => header.generation));
  return {
    ring: lives.filter((life) => ring.includes(life)),
    over: lives.filter((life) => !ring.includes(life)),
    missing: listed.lives.filter(({ generation }) => !there.has(generation)),
    missed: [...names.keys()].filter((generation) => !there.has(generation)),
    back: ring.filter(({ header }) => listed.missing.includes(header.generation)),
    newest: newestBegun(lives, listed.newest),
    manifest: later.length > 0 ? 'outdated' : 'holds',
  };
}

// No spool begins so many lives between two lists; a header that is further ahead lies.
const FAR_AHEAD = 2 ** 32;

/** The highest generation: also of a life that was begun and not listed any more, so that no other gets the same. */
function newestBegun(lives: readonly Life[], listed: number): number {
  return Math.max(listed, ...lives.map(({ header }) => header.generation).filter((generation) => generation < listed + FAR_AHEAD));
}

function judgeByHeaders(lives: readonly Life[]): Judged {
  const identity = ({ header }: Life) => `${header.generation} ${header.seed}`;
  const ring = lives.filter((life, at) => lives.findIndex((one) => identity(one) === identity(life)) === at);
  const missing = missingGenerations(ring);
  return {
    ring,
    over: lives.filter((life) => !ring.includes(life)),
    missing: missing.map((generation) => ({ generation, name: `generation ${generation}` })),
    missed: missing,
    back: [],
    newest: ring.at(-1)?.header.generation ?? 0,
    manifest: 'none',
  };
}

/** Lives between others that the newest header names and no file has. The oldest may have been used again meanwhile. */
function missingGenerations(ring: readonly Life[]): readonly number[] {
  const there = new Set(ring.map(({ header }) => header.generation));
  const oldest = ring[0]?.header.generation ?? 0;
  return parseRing(ring.at(-1)?.header.ring ?? '').filter((generation) => generation > oldest && !there.has(generation));
}

/** A clause that says why what stands under a segment's name is not used. */
export function describeUnusable(error: unknown): string {
  if (error instanceof NotAFile) return error.message;
  return `the file can't be opened: ${error instanceof Error ? error.message : String(error)}`;
}
