// Which lives hold: from what stands in the folder, and what the manifest lists. Reads, never writes.
//
// With a manifest it is plain: the lives that it lists hold, a later one holds if anything was written in
// it, and all others are over. Without one (older releases keep none) every life that is found holds:
// what is over has nothing in it that lives, since segments come free oldest first.

import type { Life } from './files.ts';
import type { FoundManifest, ListedLife, Lives } from './manifest.ts';
import { hasFrames } from './scan.ts';
import { parseRing } from './segment.ts';

export type Judged = {
  /** Lives that hold, oldest first. */
  readonly ring: readonly Life[];
  /** Lives that are over, and second copies of a life, in the order in which their files are used again. */
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

// No spool begins so many lives between two lists; a header that is further ahead lies.
const FAR_AHEAD = 2 ** 32;

/** Which of the lives hold, and which that should are not there. */
export async function judge(lives: readonly Life[], found: FoundManifest): Promise<Judged> {
  if (found.state !== 'read') return judgeByHeaders(lives, 0);
  const { listed } = found;
  // A release without manifest has been at work since: it may have used files again that are still listed.
  const wasOlderHere = ({ header: { isListed, generation } }: Life) =>
    !isListed && generation > listed.newestOfOlder && generation < listed.newest + FAR_AHEAD;
  if (lives.some(wasOlderHere)) return judgeByHeaders(lives, listed.newest);
  const later: Life[] = [];
  for (const life of lives) if (life.header.generation > listed.newest && (await hasFrames(life.segment))) later.push(life);
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
  const over = lives.filter((life) => !ring.includes(life));
  // One that was begun and never listed has its header in one page perhaps, and that of an earlier life in the other: it goes first.
  const wasListed = ({ header }: Life) => header.generation <= listed.newest;
  return {
    ring: lives.filter((life) => ring.includes(life)),
    over: [...over.filter((life) => !wasListed(life)), ...over.filter(wasListed)],
    missing: listed.lives.filter(({ generation }) => !there.has(generation)),
    missed: [...names.keys()].filter((generation) => !there.has(generation)),
    back: ring.filter(({ header }) => listed.missing.includes(header.generation)),
    newest: newestBegun(lives, listed.newest),
    manifest: later.length > 0 ? 'outdated' : 'holds',
  };
}

/** The highest generation: also of a life that was begun and not listed any more, so that no other gets the same. */
function newestBegun(lives: readonly Life[], listed: number): number {
  return Math.max(listed, ...lives.map(({ header }) => header.generation).filter((generation) => generation < listed + FAR_AHEAD));
}

function judgeByHeaders(lives: readonly Life[], newest: number): Judged {
  const identity = ({ header }: Life) => `${header.generation} ${header.seed}`;
  const ring = lives.filter((life, at) => lives.findIndex((one) => identity(one) === identity(life)) === at);
  const missing = missingGenerations(ring);
  return {
    ring,
    over: lives.filter((life) => !ring.includes(life)),
    missing: missing.map((generation) => ({ generation, name: `generation ${generation}` })),
    missed: missing,
    back: [],
    newest: Math.max(newest, ring.at(-1)?.header.generation ?? 0),
    manifest: 'none',
  };
}

/** Lives between others that the newest header names and no file has. The oldest may have been used again meanwhile. */
function missingGenerations(ring: readonly Life[]): readonly number[] {
  const there = new Set(ring.map(({ header }) => header.generation));
  const oldest = ring[0]?.header.generation ?? 0;
  return parseRing(ring.at(-1)?.header.ring ?? '').filter((generation) => generation > oldest && !there.has(generation));
}
