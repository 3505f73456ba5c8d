// Recovery: from the files alone back to the index. Reads, never writes: what it finds is what any later
// recovery would find. Which files count is judged in lives.ts, what is missing in damage.ts.

import { type Disk, NotAFile } from '../system/disk.ts';
import type { SpoolDamage, SpoolRecovery } from '../vocabulary/spool-status.ts';
import { assess, type Unfinished } from './damage.ts';
import { type Files, type Life, openSegments } from './files.ts';
import type { OpenedFrame } from './frame.ts';
import { createKnownDevices, type KnownDevices } from './known.ts';
import { type Judged, judge } from './lives.ts';
import { type FoundManifest, readManifest } from './manifest.ts';
import { type CommitRecord, countLive, type Entry, type OutcomeRecord, placesOf } from './messages.ts';
import { type Scan, scan } from './scan.ts';
import type { Facts, Place, Segment } from './segment.ts';

export type Recovered = {
  /** Segments with a life that holds, oldest first. */
  readonly ring: Segment[];
  /** Segments that hold nothing anybody was promised. */
  readonly blank: Segment[];
  /** What lives, by message number, oldest first. */
  readonly entries: Map<number, Entry>;
  readonly known: KnownDevices;
  readonly facts: Facts | undefined;
  /** The highest running time that any frame carries, in milliseconds. */
  readonly running: number;
  /** The highest message number that may have been used. */
  readonly highestNumber: number;
  /** The latest date that anything here was written at, as the board then believed. */
  readonly newest: number;
  /** The highest generation that was ever begun, as far as is known. */
  readonly newestGeneration: number;
  /** The highest that a release without manifest has begun. */
  readonly newestOfOlder: number;
  readonly manifest: FoundManifest;
  /** Generations of lives that are not there though they must be. */
  readonly missed: readonly number[];
  readonly damage: readonly SpoolDamage[];
  readonly report: Omit<SpoolRecovery, 'milliseconds'>;
};

type Found = {
  readonly chunks: Map<number, Place & { readonly octets: number }>;
  commit?: { readonly place: Place; readonly octets: number; readonly record: CommitRecord };
  outcome?: { readonly place: Place; readonly position: number; readonly record: OutcomeRecord };
};

/** What the frames that were read have told. */
type Seen = {
  readonly found: Map<number, Found>;
  readonly done: Set<number>;
  readonly known: KnownDevices;
  readonly scans: Map<Life, Scan>;
  facts: Facts | undefined;
  running: number;
  highestNumber: number;
};

/** Opens and reads all segments in `disk`. Throws NewerFormat, or what the disk throws. */
export async function recover(disk: Disk): Promise<Recovered> {
  const manifest = await readManifest(disk);
  const files = await openSegments(disk);
  refuseIfForbidden(files, manifest);
  const judged = await judge(files.lives, manifest);
  const seen = await readLives(judged);
  const { entries, unfinished, newest } = gather(seen);
  const { damage, torn } = assess({ files, found: manifest, judged, scans: seen.scans, unfinished });
  return {
    ring: judged.ring.map(({ segment }) => segment),
    blank: [...files.headless, ...judged.over.map(({ segment }) => segment)],
    entries,
    known: seen.known,
    facts: seen.facts,
    running: seen.running,
    highestNumber:
      judged.missing.length === 0 ? seen.highestNumber : Math.max(seen.highestNumber, seen.facts?.nextNumber ?? 0) + USED_IN_MISSING,
    newest,
    newestGeneration: judged.newest,
    newestOfOlder: Math.max(0, ...files.lives.filter(({ header }) => !header.isListed).map(({ header }) => header.generation)),
    manifest,
    missed: judged.missed,
    damage,
    report: { messages: entries.size, unfinished: unfinished.length, torn },
  };
}

async function readLives({ ring, over }: Judged): Promise<Seen> {
  const seen: Seen = {
    found: new Map(),
    done: new Set(),
    known: createKnownDevices(),
    scans: new Map(),
    facts: undefined,
    running: 0,
    highestNumber: 0,
  };
  // Nothing in them holds, but their messages' numbers were given, and who sent them is known.
  for (const { segment } of over) {
    await scan(segment, (frame) => {
      seen.highestNumber = Math.max(seen.highestNumber, frame.number);
      hear(frame, seen.known);
    });
  }
  for (const life of ring) {
    learn(life.header.facts, seen);
    const scanned = await scan(life.segment, (frame, place) => {
      seen.highestNumber = Math.max(seen.highestNumber, frame.number);
      if (frame.kind === 'facts') learn(JSON.parse(frame.payload.toString()) as Facts, seen);
      else seen.running = Math.max(seen.running, take(frame, place, seen));
    });
    seen.scans.set(life, scanned);
  }
  return seen;
}

function learn(facts: Facts, seen: Seen): void {
  seen.facts = facts;
  seen.running = Math.max(seen.running, facts.running);
}

/** The messages that are whole, those that are not, and the latest date of any. */
function gather({ found, done, facts }: Seen) {
  const entries = new Map<number, Entry>();
  const unfinished: Unfinished[] = [];
  let newest = facts?.newest ?? 0;
  for (const [number, message] of [...found].sort(([one], [other]) => one - other)) {
    newest = Math.max(newest, message.commit?.record.received ?? 0);
    if (done.has(number)) continue;
    const entry = wholeEntry(number, message);
    if (entry === undefined) unfinished.push({ number, commit: message.commit?.place });
    else {
      entries.set(number, entry);
      countLive(placesOf(entry), 1);
    }
  }
  return { entries, unfinished, newest };
}

// A segment that is missing may come back, so its messages' numbers must not be given again. It has room for far fewer.
const USED_IN_MISSING = 2 ** 24;

/** A spool of which nothing can be opened and nothing is known is somebody else's: to begin anew in it would leave its mail behind. */
function refuseIfForbidden({ lives, unusable }: Files, manifest: FoundManifest): void {
  const forbidden = unusable.find(({ error }) => !(error instanceof NotAFile));
  if (forbidden !== undefined && lives.length === 0 && manifest.state === 'absent') throw forbidden.error;
}

function hear(frame: OpenedFrame, known: KnownDevices): void {
  if (frame.kind !== 'commit') return;
  const { device, running } = JSON.parse(frame.payload.toString()) as CommitRecord;
  known.heard(device, running);
}

/** Notes what the frame says of its message; the running time that it carries, 0 for none. */
function take(frame: OpenedFrame, place: Place, { found, done, known }: Seen): number {
  if (frame.kind === 'done') {
    done.add(frame.number);
    found.delete(frame.number);
    return frame.position;
  }
  if (done.has(frame.number) || frame.kind === 'facts') return 0;
  let message = found.get(frame.number);
  if (message === undefined) {
    message = { chunks: new Map() };
    found.set(frame.number, message);
  }
  switch (frame.kind) {
    case 'body': // compaction may have copied it: the later copy holds, both say the same
      message.chunks.set(frame.position, { ...place, octets: frame.payload.length });
      return 0;
    case 'commit': {
      const record = JSON.parse(frame.payload.toString()) as CommitRecord;
      message.commit = { place, octets: frame.position, record };
      known.heard(record.device, record.running);
      return record.running;
    }
    case 'outcome': {
      const record = JSON.parse(frame.payload.toString()) as OutcomeRecord;
      if (message.outcome === undefined || message.outcome.position <= frame.position)
        message.outcome = { place, position: frame.position, record };
      return record.running ?? 0;
    }
    default:
      return frame.kind satisfies never;
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
