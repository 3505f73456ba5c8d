// Which generations hold: from what stands in the folder, and what the manifest lists. Reads, never writes.
//
// With a manifest the generations that it lists hold, a later one holds if a frame was written in it, and all others
// are over. Without one (older releases keep none) every generation that is found holds: one that is over has no frame
// that is still needed, since segments come free oldest first.

import type { Generation } from './files.ts';
import { parseRing } from './header.ts';
import type { FoundManifest, GenerationList, ListedGeneration } from './manifest.ts';
import { hasFrames } from './scan.ts';

/** Which generations hold, and which that must be there are missing. */
export type Judged = {
  /** Generations that hold, oldest first. */
  readonly ring: readonly Generation[];
  /** Generations that are over, and second copies of one, in the order in which their files are used again. */
  readonly over: readonly Generation[];
  /** Generations that must be there and are not. Without a manifest their files' names are not known. */
  readonly missing: readonly ListedGeneration[];
  /** Those, and what was missing before and has not come back: for the next manifest. */
  readonly missed: readonly number[];
  /** Generations that were missing before, and are there again. */
  readonly back: readonly Generation[];
  /** The highest generation that was ever begun, as far as is known. */
  readonly newest: number;
  /**
   * Whether the manifest was found and holds. `outdated`: it lacks a generation that was listed, so its newest page
   * is lost. `gone`: there is none, though a generation was listed. `none`: there is none that holds.
   */
  readonly manifest: 'holds' | 'outdated' | 'gone' | 'none';
};

// No spool begins so many generations between two lists; a header that is further ahead is wrong.
const FAR_AHEAD = 2 ** 32;

/**
 * Judges the generations that were found (oldest first) by the manifest, or by their headers if there is none to go
 * by.
 */
export async function judge(found: readonly Generation[], manifest: FoundManifest): Promise<Judged> {
  if (manifest.state === 'absent') return judgeByHeaders(found, 0, (await someWasListed(found)) ? 'gone' : 'none');
  if (manifest.state === 'unreadable') return judgeByHeaders(found, 0, 'none');
  const { list } = manifest;
  // A release without manifest has used the spool since: it may have used files again that are still listed.
  const wasBegunByOlderSince = ({ header: { isListed, generation } }: Generation) =>
    !isListed && generation > list.newestOfOlder && generation < list.newest + FAR_AHEAD;
  if (found.some(wasBegunByOlderSince)) return judgeByHeaders(found, list.newest, 'none');
  const later: Generation[] = [];
  for (const one of found) if (one.header.generation > list.newest && (await hasFrames(one.segment))) later.push(one);
  return judgeByList(found, list, later);
}

/**
 * Whether a manifest has listed any of these: it is on the flash before the first frame is, so a header alone says
 * nothing.
 */
async function someWasListed(found: readonly Generation[]): Promise<boolean> {
  for (const { header, segment } of found) if (header.isListed && (await hasFrames(segment))) return true;
  return false;
}

function judgeByList(found: readonly Generation[], list: GenerationList, later: readonly Generation[]): Judged {
  const names = new Map<number, string | undefined>([
    ...list.missing.map((generation) => [generation, undefined] as const),
    ...list.listed.map(({ generation, name }) => [generation, name] as const),
    ...later.map(({ header }) => [header.generation, undefined] as const),
  ]);
  const ring: Generation[] = [];
  for (const [generation, name] of names) {
    const same = found.filter(({ header }) => header.generation === generation);
    // A file that somebody copied stands there twice; the copy may be older.
    const one = same.find(({ segment }) => segment.name === name) ?? same[0];
    if (one !== undefined) ring.push(one);
  }
  const there = new Set(ring.map(({ header }) => header.generation));
  const over = found.filter((one) => !ring.includes(one));
  // The file of one that was begun and never listed may hold its header in one page, and an earlier one in the other:
  // it is used first.
  const wasListed = ({ header }: Generation) => header.generation <= list.newest;
  return {
    ring: found.filter((one) => ring.includes(one)),
    over: [...over.filter((one) => !wasListed(one)), ...over.filter(wasListed)],
    missing: list.listed.filter(({ generation }) => !there.has(generation)),
    missed: [...names.keys()].filter((generation) => !there.has(generation)),
    back: ring.filter(({ header }) => list.missing.includes(header.generation)),
    newest: newestBegun(found, list.newest),
    manifest: later.length > 0 ? 'outdated' : 'holds',
  };
}

/**
 * The highest generation: also of one that was begun and is not listed any more, so that no other gets the same
 * number.
 */
function newestBegun(found: readonly Generation[], listed: number): number {
  return Math.max(listed, ...found.map(({ header }) => header.generation).filter((generation) => generation < listed + FAR_AHEAD));
}

function judgeByHeaders(found: readonly Generation[], newest: number, manifest: 'gone' | 'none'): Judged {
  const identity = ({ header }: Generation) => `${header.generation} ${header.seed}`;
  const ring = found.filter((one, at) => found.findIndex((other) => identity(other) === identity(one)) === at);
  const missing = missingGenerations(ring);
  return {
    ring,
    over: found.filter((one) => !ring.includes(one)),
    missing: missing.map((generation) => ({ generation, name: `generation ${generation}` })),
    missed: missing,
    back: [],
    newest: Math.max(newest, ring.at(-1)?.header.generation ?? 0),
    manifest,
  };
}

/**
 * Generations between others that the newest header names and no file holds. The oldest segment may have been used
 * again meanwhile.
 */
function missingGenerations(ring: readonly Generation[]): readonly number[] {
  const there = new Set(ring.map(({ header }) => header.generation));
  const oldest = ring[0]?.header.generation ?? 0;
  return parseRing(ring.at(-1)?.header.ring ?? '').filter((generation) => generation > oldest && !there.has(generation));
}
