// Torn or damaged: which of the two is what recovery could not read. Beyond what was ever synced it is a torn write:
// nothing there was ever acknowledged. Below that it is damage: the flash has lost what it had, or somebody took it.

import type { QueueId } from '../vocabulary/queue-id.ts';
import { formatQueueId } from '../vocabulary/queue-id.ts';
import type { SpoolDamage } from '../vocabulary/spool-status.ts';
import { describeUnusable, type Files, type Generation } from './files.ts';
import { PAGE } from './frame.ts';
import type { Judged } from './generations.ts';
import { formatRanges } from './header.ts';
import { type FoundManifest, type ListedGeneration, MANIFEST } from './manifest.ts';
import type { Gap, Scan } from './scan.ts';
import type { Place, Segment } from './segment.ts';

/** A message that is not whole, and the place of its commit, if there is one. */
export type Unfinished = { readonly number: number; readonly commit: Place | undefined };

/** What recovery has found. */
type Findings = {
  readonly files: Files;
  readonly manifest: FoundManifest;
  readonly judged: Judged;
  readonly scans: ReadonlyMap<Generation, Scan>;
  readonly unfinished: readonly Unfinished[];
};

/** A generation, up to which octet it was synced for certain, and its gaps. */
type Assessed = { readonly generation: Generation; readonly synced: number; readonly bad: readonly Gap[]; readonly torn: readonly Gap[] };

/**
 * What was lost though it had been synced, and how many bad pages are only torn. Marks the damaged segments, which
 * are set aside when they come free.
 */
export function assess(findings: Findings): { readonly damage: readonly SpoolDamage[]; readonly torn: number } {
  const { files, judged } = findings;
  const generations = judged.ring.map((generation, at) => assessGeneration(findings, generation, at));
  const damage = [
    ...files.unusable.map(({ name, error }) => damageOf(name, describeUnusable(error))),
    ...manifestDamage(findings.manifest, judged),
    ...missingDamage(judged.missing, files),
    ...judged.back.map(({ segment }) =>
      damageOf(segment.name, 'it is there again; mail in it that was delivered may be delivered once more'),
    ),
    ...generations.flatMap(segmentDamage),
  ];
  const lost = lostMessages(findings.unfinished, new Map(generations.map(({ generation, synced }) => [generation.segment, synced])));
  if (lost !== undefined && (damage.length > 0 || lost.lost.length > 0)) damage.push(lost);
  const tornPages = generations.flatMap(({ generation, torn }) =>
    torn.flatMap(pagesOf).map((page) => `${generation.segment.name} ${page}`),
  );
  return { damage, torn: new Set(tornPages).size };
}

const damageOf = (segment: string, problem: string): SpoolDamage => ({ segment, problem, lost: [], maybeLost: [] });

function assessGeneration({ judged, scans }: Findings, generation: Generation, at: number): Assessed {
  const scanned = scans.get(generation);
  const synced = syncedEnd(generation, scanned, judged.ring[at + 1]);
  const gaps = [...(scanned?.gaps ?? [])];
  const end = scanned?.end ?? PAGE;
  if (end < synced) gaps.push({ from: end, to: synced });
  // Without a manifest the oldest generation, if none of its frames is needed, may have been over, and its file
  // already used again.
  const hasManifest = judged.manifest === 'holds' || judged.manifest === 'outdated';
  const mayBeOver = !hasManifest && at === 0 && judged.ring.length > 1 && !generation.segment.isNeeded;
  const isBad = ({ from }: Gap) => from < synced && !mayBeOver;
  return { generation, synced, bad: gaps.filter(isBad), torn: gaps.filter((gap) => !isBad(gap)) };
}

/** Up to which octet a generation was synced for certain: its own frames say so, and the header of the one after it. */
function syncedEnd(generation: Generation, scanned: Scan | undefined, next: Generation | undefined): number {
  const isNext = next !== undefined && next.header.generation === generation.header.generation + 1;
  return Math.max(scanned?.synced ?? PAGE, isNext ? next.header.leftAt : 0);
}

function segmentDamage({ generation: { segment, header, octets }, bad }: Assessed): readonly SpoolDamage[] {
  const damage: SpoolDamage[] = [];
  if (octets < header.size) damage.push(damageOf(segment.name, `the file has ${octets} octets, of ${header.size}`));
  if (bad.length > 0) damage.push(damageOf(segment.name, `pages ${formatRanges([...new Set(bad.flatMap(pagesOf))])} can't be read`));
  if (damage.length > 0) segment.markDamaged();
  return damage;
}

/** The pages that a gap touches. */
function pagesOf({ from, to }: Gap): readonly number[] {
  const first = Math.floor(from / PAGE);
  return Array.from({ length: Math.ceil(to / PAGE) - first }, (_, at) => first + at);
}

const UNKNOWN = 'whether all segments are there is not known';

function manifestDamage(found: FoundManifest, { manifest }: Judged): readonly SpoolDamage[] {
  if (found.state === 'unreadable') return [damageOf(MANIFEST, `${found.problem}; ${UNKNOWN}`)];
  if (manifest === 'gone') return [damageOf(MANIFEST, `the manifest is not there; ${UNKNOWN}`)];
  return manifest === 'outdated' ? [damageOf(MANIFEST, `its newest page is lost; ${UNKNOWN}`)] : [];
}

// So many names are given; a folder that was wiped may lack sixty.
const MOST_NAMES = 5;

function missingDamage(missing: readonly ListedGeneration[], { headless, unusable, generations }: Files): readonly SpoolDamage[] {
  if (missing.length === 0) return [];
  const names = new Set(missing.map(({ name }) => name));
  // A file without header may be one that is missing. Nor can a header be trusted that says something else in the
  // file of a missing one.
  for (const segment of headless) segment.markDamaged();
  for (const { segment } of generations) if (names.has(segment.name)) segment.markDamaged();
  const there = new Set([...headless.map(({ name }) => name), ...generations.map(({ segment }) => segment.name)]);
  const gone = [...names].filter((name) => !there.has(name) && !unusable.some((one) => one.name === name));
  const damage = [...names]
    .filter((name) => there.has(name))
    .map((name) => damageOf(name, 'what was in it is not there: its header is lost'));
  if (gone.length === 0) return damage;
  const more = gone.length > MOST_NAMES ? ` and ${gone.length - MOST_NAMES} more` : '';
  const problem = gone.length === 1 ? 'the segment is not there' : 'the segments are not there';
  return [...damage, damageOf(`${gone.slice(0, MOST_NAMES).join(', ')}${more}`, problem)];
}

/**
 * Messages without commit or with a gap. One whose commit was synced is lost; one without commit may have been a
 * draft.
 */
function lostMessages(unfinished: readonly Unfinished[], syncedEnds: ReadonlyMap<Segment, number>): SpoolDamage | undefined {
  const lost: QueueId[] = [];
  const maybeLost: QueueId[] = [];
  for (const { number, commit } of unfinished) {
    const wasSynced = commit !== undefined && commit.at < (syncedEnds.get(commit.segment) ?? 0);
    (wasSynced ? lost : maybeLost).push(formatQueueId(number));
  }
  return lost.length + maybeLost.length === 0 ? undefined : { segment: 'all', problem: 'messages are not whole', lost, maybeLost };
}
