// Torn or damaged: what is missing is told apart. Beyond what was ever synced, a torn write: nobody was
// promised anything. Below that, damage: the flash has lost what it had, or somebody has taken it away.

import type { QueueId } from '../vocabulary/queue-id.ts';
import { formatQueueId } from '../vocabulary/queue-id.ts';
import type { SpoolDamage } from '../vocabulary/spool-status.ts';
import { describeUnusable, type Files, type Life } from './files.ts';
import { PAGE } from './frame.ts';
import type { Judged } from './lives.ts';
import { type FoundManifest, type ListedLife, MANIFEST } from './manifest.ts';
import type { Gap, Scan } from './scan.ts';
import { formatRanges, type Place, type Segment } from './segment.ts';

/** A message that is not whole; where its commit lies, if there is one. */
export type Unfinished = { readonly number: number; readonly commit: Place | undefined };

export type Findings = {
  readonly files: Files;
  readonly found: FoundManifest;
  readonly judged: Judged;
  readonly scans: ReadonlyMap<Life, Scan>;
  readonly unfinished: readonly Unfinished[];
};

/** A life, how far it was synced for certain, and its gaps. */
type Assessed = { readonly life: Life; readonly synced: number; readonly bad: readonly Gap[]; readonly torn: readonly Gap[] };

/** What was lost though it had been synced, and how many bad pages are only torn. Marks the damaged segments, which are set aside when they come free. */
export function assess(findings: Findings): { readonly damage: readonly SpoolDamage[]; readonly torn: number } {
  const { files, judged } = findings;
  const lives = judged.ring.map((life, at) => assessLife(findings, life, at));
  const damage = [
    ...files.unusable.map(({ name, error }) => said(name, describeUnusable(error))),
    ...manifestDamage(findings.found, judged),
    ...missingDamage(judged.missing, files),
    ...judged.back.map(({ segment }) => said(segment.name, 'it is there again; mail in it that was delivered may be delivered once more')),
    ...lives.flatMap(lifeDamage),
  ];
  const lost = lostMessages(findings.unfinished, new Map(lives.map(({ life, synced }) => [life.segment, synced])));
  if (lost !== undefined && (damage.length > 0 || lost.lost.length > 0)) damage.push(lost);
  return {
    damage,
    torn: new Set(lives.flatMap(({ life, torn }) => torn.flatMap(pagesOf).map((page) => `${life.segment.name} ${page}`))).size,
  };
}

const said = (segment: string, problem: string): SpoolDamage => ({ segment, problem, lost: [], maybeLost: [] });

function assessLife({ judged, scans }: Findings, life: Life, at: number): Assessed {
  const scanned = scans.get(life);
  const synced = syncedEnd(life, scanned, judged.ring[at + 1]);
  const gaps = [...(scanned?.gaps ?? [])];
  if (life.segment.end < synced) gaps.push({ from: life.segment.end, to: synced });
  // Without a manifest the oldest life, if nothing in it lives, may have been over, and the next on its way into this file.
  const mayBeOver = judged.manifest === 'none' && at === 0 && judged.ring.length > 1 && life.segment.live === 0;
  const isBad = ({ from }: Gap) => from < synced && !mayBeOver;
  return { life, synced, bad: gaps.filter(isBad), torn: gaps.filter((gap) => !isBad(gap)) };
}

/** How far a life was synced for certain: its own frames tell, and the header of the life after it. */
function syncedEnd(life: Life, scanned: Scan | undefined, next: Life | undefined): number {
  const isNext = next !== undefined && next.header.generation === life.header.generation + 1;
  return Math.max(scanned?.synced ?? PAGE, isNext ? next.header.leftAt : 0);
}

function lifeDamage({ life: { segment, header, octets }, bad }: Assessed): readonly SpoolDamage[] {
  const damage: SpoolDamage[] = [];
  if (octets < header.size) damage.push(said(segment.name, `the file has ${octets} octets, of ${header.size}`));
  if (bad.length > 0) damage.push(said(segment.name, `pages ${formatRanges([...new Set(bad.flatMap(pagesOf))])} can't be read`));
  if (damage.length > 0) segment.isDamaged = true;
  return damage;
}

/** The pages that a gap touches. */
function pagesOf({ from, to }: Gap): readonly number[] {
  const first = Math.floor(from / PAGE);
  return Array.from({ length: Math.ceil(to / PAGE) - first }, (_, at) => first + at);
}

function manifestDamage(found: FoundManifest, { manifest }: Judged): readonly SpoolDamage[] {
  if (found.state === 'unreadable') return [said(MANIFEST, `${found.problem}; whether all segments are there is not known`)];
  return manifest === 'outdated' ? [said(MANIFEST, 'its newest page is lost; whether all segments are there is not known')] : [];
}

// So many names are given; a folder that was wiped may miss sixty.
const MOST_NAMES = 5;

function missingDamage(missing: readonly ListedLife[], { headless, unusable, lives }: Files): readonly SpoolDamage[] {
  if (missing.length === 0) return [];
  const names = new Set(missing.map(({ name }) => name));
  // A file without header may be one that is missed; a header that says something else in a missed one's file is not to be trusted either.
  for (const segment of headless) segment.isDamaged = true;
  for (const { segment } of lives) if (names.has(segment.name)) segment.isDamaged = true;
  const there = new Set([...headless.map(({ name }) => name), ...lives.map(({ segment }) => segment.name)]);
  const gone = [...names].filter((name) => !there.has(name) && !unusable.some((one) => one.name === name));
  const damage = [...names].filter((name) => there.has(name)).map((name) => said(name, 'what was in it is not there: its header is lost'));
  if (gone.length === 0) return damage;
  const more = gone.length > MOST_NAMES ? ` and ${gone.length - MOST_NAMES} more` : '';
  const problem = gone.length === 1 ? 'the segment is not there' : 'the segments are not there';
  return [...damage, said(`${gone.slice(0, MOST_NAMES).join(', ')}${more}`, problem)];
}

/** Messages without commit or with a gap. One whose commit was synced is lost; one without commit may have been a draft. */
function lostMessages(unfinished: readonly Unfinished[], reach: ReadonlyMap<Segment, number>): SpoolDamage | undefined {
  const lost: QueueId[] = [];
  const maybeLost: QueueId[] = [];
  for (const { number, commit } of unfinished) {
    const wasSynced = commit !== undefined && commit.at < (reach.get(commit.segment) ?? 0);
    (wasSynced ? lost : maybeLost).push(formatQueueId(number));
  }
  return lost.length + maybeLost.length === 0 ? undefined : { segment: 'all', problem: 'messages are not whole', lost, maybeLost };
}
