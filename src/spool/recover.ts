// Recovery: from the files alone back to the index. Reads, never writes: what it finds is what any later recovery would
// find. Which generations count is judged in generations.ts, what is missing in damage.ts.

import { type Disk, NotAFile } from '../system/disk.ts';
import type { SpoolDamage, SpoolRecovery } from '../vocabulary/spool-status.ts';
import { assess, type Unfinished } from './damage.ts';
import { type Files, type Generation, openSegments } from './files.ts';
import type { OpenedFrame } from './frame.ts';
import { type Judged, judge } from './generations.ts';
import { KnownDevices } from './known.ts';
import { type FoundManifest, readManifest } from './manifest.ts';
import { placesOf, type StoredMessage } from './messages.ts';
import { type CommitRecord, decodeCommit, decodeFacts, decodeOutcome, type Facts, type OutcomeRecord } from './records.ts';
import { type Scan, scan } from './scan.ts';
import type { Place, Segment } from './segment.ts';

/** What recovery found. */
export type Recovered = {
  /** Segments with a generation that holds, oldest first. */
  readonly ring: readonly Segment[];
  /** Segments that hold nothing that was acknowledged, in the order in which they are to be used. */
  readonly blank: readonly Segment[];
  /** The messages that wait, by number, oldest first. */
  readonly messages: ReadonlyMap<number, StoredMessage>;
  readonly known: KnownDevices;
  readonly facts: Facts | undefined;
  /** The highest running time that any frame carries, in ms. */
  readonly running: number;
  /** The highest message number that may have been used. */
  readonly highestNumber: number;
  /** The latest date at which anything here was written, as the board then believed; 0 for none. */
  readonly newest: number;
  /** The highest generation that was ever begun, as far as is known. */
  readonly newestGeneration: number;
  /** The highest that a release without manifest has begun. */
  readonly newestOfOlder: number;
  readonly manifest: FoundManifest;
  /** Generations that are not there though they must be. */
  readonly missed: readonly number[];
  readonly damage: readonly SpoolDamage[];
  readonly report: Omit<SpoolRecovery, 'milliseconds'>;
};

/** The frames of one message. */
type Found = {
  readonly chunks: Map<number, Place & { readonly octets: number }>;
  commit?: { readonly place: Place; readonly octets: number; readonly record: CommitRecord };
  outcome?: { readonly place: Place; readonly position: number; readonly record: OutcomeRecord };
};

/** What the frames say that were read so far. */
type Seen = {
  readonly found: Map<number, Found>;
  readonly done: Set<number>;
  readonly known: KnownDevices;
  readonly scans: Map<Generation, Scan>;
  facts: Facts | undefined;
  running: number;
  highestNumber: number;
};

/** Opens and reads all segments in `disk`. Throws NewerFormat, UnexpectedRecord, or what the disk throws. */
export async function recover(disk: Disk): Promise<Recovered> {
  const manifest = await readManifest(disk);
  const files = await openSegments(disk);
  refuseIfForbidden(files, manifest);
  const judged = await judge(files.generations, manifest);
  const seen = await readGenerations(judged);
  const { messages, unfinished, newest } = gather(seen);
  const { damage, torn } = assess({ files, manifest, judged, scans: seen.scans, unfinished });
  return {
    ring: judged.ring.map(({ segment }) => segment),
    blank: [...files.headless, ...judged.over.map(({ segment }) => segment)],
    messages,
    known: seen.known,
    facts: seen.facts,
    running: seen.running,
    highestNumber: highestUsed(seen, judged),
    newest,
    newestGeneration: judged.newest,
    newestOfOlder: Math.max(0, ...files.generations.filter(({ header }) => !header.isListed).map(({ header }) => header.generation)),
    manifest,
    missed: judged.missed,
    damage,
    report: { messages: messages.size, unfinished: unfinished.length, torn },
  };
}

/**
 * A spool of which nothing can be opened and nothing is known belongs to another user: a new one in its place would
 * leave its mail behind.
 */
function refuseIfForbidden({ generations, unusable }: Files, manifest: FoundManifest): void {
  const forbidden = unusable.find(({ error }) => !(error instanceof NotAFile));
  if (forbidden !== undefined && generations.length === 0 && manifest.state === 'absent') throw forbidden.error;
}

// A segment that is missing may come back, so its messages' numbers must not be given again. It has room for far fewer.
const USED_IN_MISSING = 2 ** 24;

function highestUsed({ highestNumber, facts }: Seen, { missing }: Judged): number {
  return missing.length === 0 ? highestNumber : Math.max(highestNumber, facts?.nextNumber ?? 0) + USED_IN_MISSING;
}

async function readGenerations({ ring, over }: Judged): Promise<Seen> {
  const seen: Seen = {
    found: new Map(),
    done: new Set(),
    known: new KnownDevices(),
    scans: new Map(),
    facts: undefined,
    running: 0,
    highestNumber: 0,
  };
  // Nothing in the generations that are over holds, but their messages' numbers were given, and who sent them is known.
  for (const { segment } of over) {
    await scan(segment, (frame) => {
      seen.highestNumber = Math.max(seen.highestNumber, frame.number);
      if (frame.kind === 'commit') noteDevice(decodeCommit(frame.payload), seen.known);
    });
  }
  for (const generation of ring) {
    noteFacts(generation.header.facts, seen);
    const scanned = await scan(generation.segment, (frame, place) => {
      seen.highestNumber = Math.max(seen.highestNumber, frame.number);
      noteFrame(frame, place, seen);
    });
    seen.scans.set(generation, scanned);
  }
  return seen;
}

function noteFacts(facts: Facts, seen: Seen): void {
  seen.facts = facts;
  noteRunning(facts.running, seen);
}

function noteRunning(time: number, seen: Seen): void {
  seen.running = Math.max(seen.running, time);
}

function noteDevice({ device, running }: CommitRecord, known: KnownDevices): void {
  known.note(device, running);
}

function noteFrame(frame: OpenedFrame, place: Place, seen: Seen): void {
  const { kind, number, position, payload } = frame;
  if (kind === 'facts') return noteFacts(decodeFacts(payload), seen);
  if (kind === 'done') {
    seen.done.add(number);
    seen.found.delete(number);
    return noteRunning(position, seen);
  }
  if (seen.done.has(number)) return;
  const message: Found = seen.found.get(number) ?? { chunks: new Map() };
  seen.found.set(number, message);
  switch (kind) {
    case 'body': // Compaction may have copied it: the later copy holds, and both say the same.
      message.chunks.set(position, { ...place, octets: payload.length });
      return;
    case 'commit': {
      const record = decodeCommit(payload);
      message.commit = { place, octets: position, record };
      noteDevice(record, seen.known);
      return noteRunning(record.running, seen);
    }
    case 'outcome': {
      const record = decodeOutcome(payload);
      if (message.outcome === undefined || message.outcome.position <= position) message.outcome = { place, position, record };
      return noteRunning(record.running ?? 0, seen);
    }
    default:
      kind satisfies never;
  }
}

/** The messages that are whole, those that are not, and the latest date of any. Holds the frames of the whole ones. */
function gather({ found, done, facts }: Seen) {
  const messages = new Map<number, StoredMessage>();
  const unfinished: Unfinished[] = [];
  let newest = facts?.newest ?? 0;
  for (const [number, frames] of [...found].sort(([one], [other]) => one - other)) {
    newest = Math.max(newest, frames.commit?.record.received ?? 0);
    if (done.has(number)) continue;
    const message = wholeMessage(number, frames);
    if (message === undefined) unfinished.push({ number, commit: frames.commit?.place });
    else {
      messages.set(number, message);
      for (const place of placesOf(message)) place.segment.hold(place);
    }
  }
  return { messages, unfinished, newest };
}

/** The message, if its commit is there and its body has no gap. */
function wholeMessage(number: number, { chunks: found, commit, outcome }: Found): StoredMessage | undefined {
  if (commit === undefined) return undefined;
  const chunks: Place[] = [];
  let end = 0;
  for (const [position, { segment, at, size, octets }] of [...found].sort(([one], [other]) => one - other)) {
    if (position !== end) return undefined;
    end += octets;
    chunks.push({ segment, at, size });
  }
  if (end !== commit.octets) return undefined;
  return {
    state: 'message',
    number,
    chunks,
    commit: commit.place,
    ...(outcome === undefined ? {} : { outcome: outcome.place }),
    octets: commit.octets,
    device: commit.record.device,
    arrived: commit.record.running,
    attempts: outcome?.record.attempts ?? 0,
    warned: outcome?.record.warned ?? false,
    settled: outcome?.record.settled ?? [],
    outcomes: (outcome?.position ?? -1) + 1,
  };
}
