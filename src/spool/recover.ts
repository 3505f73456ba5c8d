// Recovery: from the segments alone back to the index. Reads, never writes: what it finds is what any
// later recovery would find. A bad frame costs no more than the rest of its page: reading resumes at
// the next page boundary.

import type { SpoolRecovery } from '../events.ts';
import type { Disk } from '../system/disk.ts';
import { FRAME_HEAD, type OpenedFrame, openFrame, PAGE } from './frame.ts';
import { type CommitRecord, countLive, type Entry, type OutcomeRecord, placesOf } from './index.ts';
import { blankSegment, decodeHeader, type Facts, frameLimit, isSegmentName, type Place, type Segment } from './segment.ts';

export type Recovered = {
  /** Segments with a life, oldest first. */
  readonly ring: Segment[];
  /** Segments whose file was made but that no life was begun in. */
  readonly blank: Segment[];
  /** What lives, by message number, oldest first. */
  readonly entries: Map<number, Entry>;
  readonly facts: Facts | undefined;
  readonly highestNumber: number;
  readonly report: Omit<SpoolRecovery, 'milliseconds'>;
};

type Found = {
  readonly chunks: Map<number, Place & { readonly octets: number }>;
  commit?: { readonly place: Place; readonly octets: number; readonly record: CommitRecord };
  outcome?: { readonly place: Place; readonly position: number; readonly record: OutcomeRecord };
};

/** Opens and reads all segments in `disk`. Throws NewerFormat, or what the disk throws. */
export async function recover(disk: Disk): Promise<Recovered> {
  const ring: Segment[] = [];
  const blank: Segment[] = [];
  const headerFacts = new Map<Segment, Facts>();
  for (const name of (await disk.list()).filter(isSegmentName).sort()) {
    const file = await disk.open(name);
    const segment = blankSegment(name, file, await file.size());
    const header = await readHeader(segment);
    if (header === undefined) {
      blank.push(segment);
      continue;
    }
    Object.assign(segment, { generation: header.generation, seed: header.seed });
    ring.push(segment);
    headerFacts.set(segment, header.facts);
  }
  ring.sort((one, other) => one.generation - other.generation);

  const found = new Map<number, Found>();
  const done = new Set<number>();
  let highestNumber = 0;
  let torn = 0;
  let facts: Facts | undefined;
  for (const segment of ring) {
    facts = headerFacts.get(segment);
    torn += await scan(segment, (frame, place) => {
      if (frame.kind === 'facts') facts = JSON.parse(frame.payload.toString()) as Facts;
      highestNumber = Math.max(highestNumber, frame.number);
      take(frame, place, found, done);
    });
  }

  const entries = new Map<number, Entry>();
  let unfinished = 0;
  for (const number of [...found.keys()].sort((one, other) => one - other)) {
    const message = found.get(number);
    if (message === undefined || done.has(number)) continue;
    const entry = wholeEntry(number, message);
    if (entry === undefined) unfinished += 1;
    else {
      entries.set(number, entry);
      countLive(placesOf(entry), 1);
    }
  }
  return { ring, blank, entries, facts, highestNumber, report: { messages: entries.size, unfinished, torn } };
}

async function readHeader(segment: Segment) {
  const page = Buffer.alloc(PAGE);
  for (const at of [0, frameLimit(segment)]) {
    if (at < 0 || (await segment.file.read(page, at)) < PAGE) continue;
    const header = decodeHeader(page);
    if (header !== undefined) return header;
  }
  return undefined;
}

/** Gives each whole frame of the segment to `visit`; returns the number of bad pages that have a good frame behind them. */
async function scan(segment: Segment, visit: (frame: OpenedFrame, place: Place) => void): Promise<number> {
  const octets = Buffer.alloc(segment.size);
  const length = await segment.file.read(octets, 0);
  const limit = Math.min(length, frameLimit(segment));
  const frames = octets.subarray(0, Math.max(limit, 0));
  let torn = 0;
  let skipped = 0;
  let at = PAGE;
  while (at < limit) {
    const frame = openFrame(frames, at, segment.seed);
    if (frame === undefined) {
      if (at % PAGE === 0) skipped += 1;
      at = (Math.floor(at / PAGE) + 1) * PAGE;
      continue;
    }
    torn += skipped; // bad pages with a good frame behind them; behind the last frame they are just unused
    skipped = 0;
    const size = FRAME_HEAD + frame.payload.length;
    visit(frame, { segment, at, size });
    at += size;
    segment.end = Math.ceil(at / PAGE) * PAGE;
  }
  segment.durableEnd = segment.end;
  return torn;
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
    settled: outcome?.record.settled ?? [],
    outcomes: (outcome?.position ?? -1) + 1,
  };
}
