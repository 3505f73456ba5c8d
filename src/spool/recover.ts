// Recovery: from the segments alone back to the index. Reads, never writes: what it finds is what any
// later recovery would find. A bad frame costs no other: reading resumes at the next whole one.
//
// What is missing is told apart. Beyond what was ever synced, a torn write: nobody was promised anything.
// Below that, damage: the flash has lost what it had. Frames and headers say how far was synced.

import type { QueueId, SpoolDamage, SpoolRecovery } from '../events.ts';
import type { Disk } from '../system/disk.ts';
import { FRAME_HEAD, looksLikeHead, type OpenedFrame, openFrame, PAGE } from './frame.ts';
import { type CommitRecord, countLive, type Entry, type OutcomeRecord, placesOf, queueIdOf } from './index.ts';
import {
  blankSegment,
  decodeHeader,
  type Facts,
  frameLimit,
  type Header,
  isSegmentName,
  type Place,
  parseRing,
  type Segment,
} from './segment.ts';

export type Recovered = {
  /** Segments with a life, oldest first. */
  readonly ring: Segment[];
  /** Segments that hold nothing anybody was promised. */
  readonly blank: Segment[];
  /** What lives, by message number, oldest first. */
  readonly entries: Map<number, Entry>;
  readonly facts: Facts | undefined;
  readonly highestNumber: number;
  /** The latest date that anything here was written at, as the board then believed. */
  readonly newest: number;
  readonly damage: readonly SpoolDamage[];
  readonly report: Omit<SpoolRecovery, 'milliseconds'>;
};

type Found = {
  readonly chunks: Map<number, Place & { readonly octets: number }>;
  commit?: { readonly place: Place; readonly octets: number; readonly record: CommitRecord };
  outcome?: { readonly place: Place; readonly position: number; readonly record: OutcomeRecord };
};

/** A stretch of pages without a whole frame, in octets. */
type Gap = { readonly from: number; readonly to: number };
type Scanned = { readonly gaps: readonly Gap[] /** All before this was synced, as far as the frames tell. */; readonly synced: number };

/** Opens and reads all segments in `disk`. Throws NewerFormat, or what the disk throws. */
export async function recover(disk: Disk): Promise<Recovered> {
  const { ring, unknown, headers } = await openSegments(disk);
  const found = new Map<number, Found>();
  const done = new Set<number>();
  const scans = new Map<Segment, Scanned>();
  let highestNumber = 0;
  let facts: Facts | undefined;
  for (const segment of ring) {
    facts = headers.get(segment)?.facts;
    const scanned = await scan(segment, (frame, place) => {
      if (frame.kind === 'facts') facts = JSON.parse(frame.payload.toString()) as Facts;
      highestNumber = Math.max(highestNumber, frame.number);
      take(frame, place, found, done);
    });
    scans.set(segment, scanned);
  }

  const entries = new Map<number, Entry>();
  let newest = facts?.newest ?? 0;
  const unfinished = new Map<number, Found>();
  for (const number of [...found.keys()].sort((one, other) => one - other)) {
    const message = found.get(number);
    newest = Math.max(newest, message?.commit?.record.received ?? 0);
    if (message === undefined || done.has(number)) continue;
    const entry = wholeEntry(number, message);
    if (entry === undefined) unfinished.set(number, message);
    else {
      entries.set(number, entry);
      countLive(placesOf(entry), 1);
    }
  }
  const { damage, torn } = assess(ring, headers, scans, unfinished, unknown);
  return {
    ring,
    blank: unknown,
    entries,
    facts,
    highestNumber,
    newest,
    damage,
    report: { messages: entries.size, unfinished: unfinished.size, torn },
  };
}

async function openSegments(disk: Disk) {
  const ring: Segment[] = [];
  const unknown: Segment[] = [];
  const headers = new Map<Segment, Header>();
  for (const name of (await disk.list()).filter(isSegmentName).sort()) {
    const file = await disk.open(name);
    const segment = blankSegment(name, file, await file.size());
    const header = await readHeader(segment);
    if (header === undefined) {
      unknown.push(segment);
      continue;
    }
    Object.assign(segment, { generation: header.generation, seed: header.seed });
    ring.push(segment);
    headers.set(segment, header);
  }
  ring.sort((one, other) => one.generation - other.generation);
  return { ring, unknown, headers };
}

async function readHeader(segment: Segment): Promise<Header | undefined> {
  const page = Buffer.alloc(PAGE);
  for (const at of [0, frameLimit(segment)]) {
    if (at < 0 || (await segment.file.read(page, at)) < PAGE) continue;
    const header = decodeHeader(page);
    if (header !== undefined) return header;
  }
  return undefined;
}

/** Gives each whole frame of the segment to `visit`. */
async function scan(segment: Segment, visit: (frame: OpenedFrame, place: Place) => void): Promise<Scanned> {
  const octets = Buffer.alloc(segment.size);
  const length = await segment.file.read(octets, 0);
  const frames = octets.subarray(0, Math.max(0, Math.min(length, frameLimit(segment))));
  const gaps: Gap[] = [];
  let synced = PAGE;
  let frameEnd = PAGE; // of the last whole frame
  for (let next = findFrame(frames, PAGE, segment.seed); next !== undefined; next = findFrame(frames, frameEnd, segment.seed)) {
    const { frame, at } = next;
    const expected = Math.ceil(frameEnd / PAGE) * PAGE;
    if (at > expected) gaps.push({ from: expected, to: Math.ceil(at / PAGE) * PAGE });
    synced = Math.max(synced, frame.durablePages * PAGE);
    const size = FRAME_HEAD + frame.payload.length;
    visit(frame, { segment, at, size });
    frameEnd = at + size;
  }
  segment.end = Math.ceil(frameEnd / PAGE) * PAGE;
  segment.durableEnd = segment.end;
  return { gaps, synced };
}

/**
 * The first whole frame at or after `from`. Mostly it stands just there; after a bad one every octet is a
 * candidate, for the commit behind a broken body tells which message was lost. No one outside can forge
 * one in a message's text: the seal depends on the segment's nonce.
 */
function findFrame(octets: Buffer, from: number, seed: number): { frame: OpenedFrame; at: number } | undefined {
  for (let at = from; at + FRAME_HEAD <= octets.length; at++) {
    if (!looksLikeHead(octets, at)) continue;
    const frame = openFrame(octets, at, seed);
    if (frame !== undefined) return { frame, at };
  }
  return undefined;
}

/** What was lost though it had been synced, and how many bad pages are only torn. Marks the damaged segments. */
function assess(
  ring: readonly Segment[],
  headers: ReadonlyMap<Segment, Header>,
  scans: ReadonlyMap<Segment, Scanned>,
  unfinished: ReadonlyMap<number, Found>,
  unknown: readonly Segment[],
): { damage: readonly SpoolDamage[]; torn: number } {
  const damage: SpoolDamage[] = [];
  const syncedEnds = new Map<Segment, number>();
  let torn = 0;
  ring.forEach((segment, at) => {
    const next = ring[at + 1];
    const nextHeader = next === undefined ? undefined : headers.get(next);
    const isNext = nextHeader?.generation === segment.generation + 1;
    const { gaps, synced: told } = scans.get(segment) ?? { gaps: [], synced: PAGE };
    const synced = Math.max(told, isNext ? (nextHeader?.leftAt ?? 0) : 0);
    syncedEnds.set(segment, synced);
    const all = segment.end < synced ? [...gaps, { from: segment.end, to: synced }] : gaps;
    // The oldest life on the disk may have been over, and the first group of the next one on its way into this file.
    const isBad = ({ from }: Gap) => from < synced && (at > 0 || ring.length === 1);
    const bad = all.filter(isBad);
    torn += all.filter((gap) => !isBad(gap)).reduce((sum, { from, to }) => sum + (to - from) / PAGE, 0);
    if (bad.length === 0) return;
    segment.isDamaged = true;
    const pages = bad.map(({ from, to }) => (to - from === PAGE ? `${from / PAGE}` : `${from / PAGE}-${to / PAGE - 1}`)).join(',');
    damage.push({ segment: segment.name, problem: `pages ${pages} can't be read`, lost: [], maybeLost: [] });
  });

  const missing = missingGenerations(ring, headers);
  for (const generation of missing)
    damage.push({ segment: `generation ${generation}`, problem: 'the segment is not there', lost: [], maybeLost: [] });
  // A file whose headers can't be read is the one that is missed, if one is; otherwise its life had just begun, and nobody was promised anything in it.
  if (missing.length > 0) for (const segment of unknown) segment.isDamaged = true;

  const whole = damage.length === 0;
  damage.push(...lostMessages(unfinished, syncedEnds).filter(({ lost }) => !whole || lost.length > 0));
  return { damage, torn };
}

/** Lives between others that the newest header names and no file has. The oldest may have been used again meanwhile. */
function missingGenerations(ring: readonly Segment[], headers: ReadonlyMap<Segment, Header>): readonly number[] {
  const newest = ring.at(-1);
  const named = newest === undefined ? [] : parseRing(headers.get(newest)?.ring ?? '');
  const there = new Set(ring.map(({ generation }) => generation));
  const oldest = ring[0]?.generation ?? 0;
  return named.filter((generation) => generation > oldest && !there.has(generation));
}

/** Messages without commit or with a gap, while something is damaged. One whose commit was synced is lost; one without commit may have been a draft. */
function lostMessages(unfinished: ReadonlyMap<number, Found>, syncedEnds: ReadonlyMap<Segment, number>): SpoolDamage[] {
  const lost: QueueId[] = [];
  const maybeLost: QueueId[] = [];
  for (const [number, { commit }] of unfinished) {
    const wasSynced = commit !== undefined && commit.place.at < (syncedEnds.get(commit.place.segment) ?? 0);
    (wasSynced ? lost : maybeLost).push(queueIdOf(number));
  }
  return lost.length + maybeLost.length === 0 ? [] : [{ segment: 'all', problem: 'messages are not whole', lost, maybeLost }];
}

function take(frame: OpenedFrame, place: Place, found: Map<number, Found>, done: Set<number>): void {
  if (frame.kind === 'done') {
    done.add(frame.number);
    found.delete(frame.number);
    return;
  }
  if (done.has(frame.number) || frame.kind === 'facts') return;
  let message = found.get(frame.number);
  if (message === undefined) {
    message = { chunks: new Map() };
    found.set(frame.number, message);
  }
  switch (frame.kind) {
    case 'body': // compaction may have copied it: the later copy holds, both say the same
      message.chunks.set(frame.position, { ...place, octets: frame.payload.length });
      break;
    case 'commit':
      message.commit = { place, octets: frame.position, record: JSON.parse(frame.payload.toString()) as CommitRecord };
      break;
    case 'outcome':
      if (message.outcome === undefined || message.outcome.position <= frame.position) {
        message.outcome = { place, position: frame.position, record: JSON.parse(frame.payload.toString()) as OutcomeRecord };
      }
      break;
    default:
      frame.kind satisfies never;
  }
}

/** The message, if its commit is there and its body has no gap. */
function wholeEntry(number: number, message: Found): Entry | undefined {
  if (message.commit === undefined) return undefined;
  const { octets, place: commit, record } = message.commit;
  const chunks: Place[] = [];
  let end = 0;
  for (const [position, chunk] of [...message.chunks].sort(([one], [other]) => one - other)) {
    if (position !== end) return undefined;
    end += chunk.octets;
    chunks.push({ segment: chunk.segment, at: chunk.at, size: chunk.size });
  }
  if (end !== octets) return undefined;
  const { outcome } = message;
  return {
    number,
    chunks,
    commit,
    ...(outcome === undefined ? {} : { outcome: outcome.place }),
    octets,
    device: record.device,
    arrived: record.running,
    attempts: outcome?.record.attempts ?? 0,
    warned: outcome?.record.warned ?? false,
    settled: outcome?.record.settled ?? [],
    outcomes: (outcome?.position ?? -1) + 1,
  };
}
