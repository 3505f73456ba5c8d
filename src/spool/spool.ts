// The spool's face: drafts in, messages out, outcomes recorded. What the server and the delivery need
// of it stands in their own folders (server/store.ts, delivery/queue.ts); this satisfies both.

import { isDeepStrictEqual } from 'node:util';
import { formatMailbox, type Mailbox } from '../smtp/address.ts';
import type { Envelope, Recipient } from '../smtp/envelope.ts';
import { type Clock, later, type WallTime } from '../system/clock.ts';
import type { Disk } from '../system/disk.ts';
import type { Random } from '../system/random.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { Offers } from '../vocabulary/offers.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import { formatQueueId, numberOfQueueId } from '../vocabulary/queue-id.ts';
import type { QueuedMessage } from '../vocabulary/queued-message.ts';
import type { FlashFacts, SpoolStatus } from '../vocabulary/spool-status.ts';
import { compaction, SCARCE } from './compaction.ts';
import { createDrafts, type SpoolDraft } from './draft.ts';
import { createFlashMeter } from './flash.ts';
import type { Frame, OpenedFrame } from './frame.ts';
import { OWN_DEVICE } from './known.ts';
import { openLog } from './log.ts';
import { openManifest } from './manifest.ts';
import { type CommitRecord, countLive, countMessages, type Entry, type OutcomeRecord, placesOf } from './messages.ts';
import { recover } from './recover.ts';
import { createRing } from './ring.ts';
import { createRunningTime } from './running.ts';
import { type Facts, type Place, readFrame } from './segment.ts';
import { createSpace, footprint, hold, largestMessage, roomFor } from './space.ts';

export interface Spool {
  /** Tells this spool from all others. */
  readonly instance: string;
  /** The largest message it could ever hold, in octets. */
  readonly largest: number;
  /** What the upstreams take, as last learned. */
  readonly upstream: Offers | undefined;
  learnUpstream(learned: Offers): void;
  room(octets: number): 'yes' | 'not-now' | 'never';
  /** A new message. Nothing is reserved for the `declared` octets, but if they don't fit at the first of them, it is refused there. */
  draft(declared: number, device: string): SpoolDraft;
  /** Gives all messages, those already there and each that comes, to `to`. */
  feed(to: (stored: QueuedMessage) => void): void;
  /** The envelope with those recipients only that are still waiting. */
  envelope(id: QueueId): Promise<Envelope>;
  body(id: QueueId): AsyncIterable<Uint8Array>;
  /** Notes what came of an attempt: these recipients are settled, for better or worse. */
  record(id: QueueId, settled: readonly Recipient[], progress: { readonly attempts: number; readonly warned: boolean }): Promise<void>;
  remove(id: QueueId): void;
  /** Takes in a message of the relay's own; its id once it is on the flash, or why it is not. */
  submit(envelope: Envelope, body: AsyncIterable<Uint8Array>): Promise<QueueId | 'full' | 'failed'>;
  /** The latest date that was ever seen here; 0 for none. */
  readonly newest: WallTime;
  readonly count: number;
  /** What waits, and how the flash is. `running`: how long the relay has been running, all in all, in ms. */
  status(): SpoolStatus & { readonly flash: FlashFacts; readonly running: number };
  close(): Promise<void>;
}

export type SpoolParts = {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
  /** Octets a segment, and how many at most. */
  readonly segmentSize: number;
  readonly segments: number;
};

/** A message's frames are not what was written. */
export class MessageDamaged extends Error {
  override readonly name = 'Damaged';
}

/** Opens the spool in `disk`, recovering what is there. Throws what the disk throws, and NewerFormat. */
export async function openSpool(parts: SpoolParts): Promise<Spool> {
  const { disk, clock, random, tell } = parts;
  const started = clock.now();
  const recovered = await recover(disk);
  const { entries } = recovered;
  // What a killed process had written but not synced must not vanish after it was acted on.
  for (const segment of recovered.ring) await segment.file.datasync();
  const manifest = await openManifest(disk, recovered.manifest);

  const instance = recovered.facts?.instance ?? random.bytes(4).toString('hex');
  let nextNumber = Math.max(recovered.facts?.nextNumber ?? firstNumber(random), recovered.highestNumber + 1);
  let upstream = recovered.facts?.upstream;
  let feedTo: ((stored: QueuedMessage) => void) | undefined;
  const space = createSpace(parts.segmentSize, parts.segments);
  for (const entry of entries.values()) hold(space, entry.device, heldFor(entry));
  const { known } = recovered;

  const running = createRunningTime({
    clock,
    before: recovered.running,
    isMessageWaiting: () => countMessages(entries) > 0,
    write: () => log.appendSoon(factsFrame(facts())),
  });
  const flash = createFlashMeter(recovered.facts?.flash, running.now);
  const newest = () => Math.max(recovered.newest, clock.wall()) as WallTime;
  const facts = (): Facts => ({
    instance,
    nextNumber,
    running: running.carry(),
    flash: flash.facts(),
    newest: newest(),
    ...(upstream === undefined ? {} : { upstream }),
  });

  const ring = createRing({
    ...parts,
    flash,
    facts,
    failed: (problem) => tell('spoolFailed', { problem }),
    manifest,
    ring: recovered.ring,
    free: recovered.blank,
    newestGeneration: recovered.newestGeneration,
    newestOfOlder: recovered.newestOfOlder,
    missed: recovered.missed,
  });

  const log = openLog({
    clock,
    isScarce: () => ring.available() <= SCARCE,
    async nextSegment() {
      const next = await ring.next();
      compact.wanted();
      return next;
    },
    wrote: (octets) => flash.wrote(octets),
    synced: () => flash.synced(),
    failed(segment, error, inItsFirstGroup) {
      tell('spoolFailed', { problem: error.message });
      if (segment !== undefined && inItsFirstGroup) ring.drop(segment);
    },
  });

  const compact = compaction({
    log,
    ring: ring.segments,
    entries,
    available: () => ring.available(),
    reclaim: () => ring.reclaim(),
    fault: (error) => tell('fault', { where: 'compaction', error }),
  });

  /** Reads a frame that compaction may be moving: when its place changed meanwhile, it is read at the new one. */
  async function readMoving(entry: Entry, where: () => Place | undefined): Promise<OpenedFrame> {
    for (;;) {
      const place = where();
      if (place === undefined) throw new MessageDamaged(`message ${formatQueueId(entry.number)} is gone`);
      const frame = await readFrame(place).catch((error: unknown) => {
        if (where() === place) throw error;
        return undefined;
      });
      if (frame !== undefined && frame.number === entry.number) return frame;
      if (where() === place)
        throw new MessageDamaged(`message ${formatQueueId(entry.number)}: a frame in ${place.segment.name} at ${place.at} is damaged`);
    }
  }

  const entryOf = (id: QueueId): Entry => {
    const entry = entries.get(numberOfQueueId(id));
    if (entry?.commit === undefined) throw new MessageDamaged(`message ${id} is not in the spool`);
    return entry;
  };

  const readCommit = async (entry: Entry) => JSON.parse((await readMoving(entry, () => entry.commit)).payload.toString()) as CommitRecord;

  const stored = (entry: Entry): QueuedMessage => ({
    id: formatQueueId(entry.number),
    octets: entry.octets,
    device: entry.device,
    arrived: later(clock.now(), entry.arrived - running.now()),
    attempts: entry.attempts,
    warned: entry.warned,
  });

  /** Forgets an entry; its frames count as live until the `done` that says so is on the flash, so that their segments stay until then. */
  function forget(entry: Entry, held: number): void {
    if (!entries.delete(entry.number)) return;
    hold(space, entry.device, -held);
    const places = placesOf(entry);
    log.appendSoon(
      { kind: 'done', number: entry.number, position: running.carry(), payload: [] },
      { durable: () => countLive(places, -1) },
    );
  }

  const draft = createDrafts({
    ...parts,
    entries,
    space,
    known,
    log,
    keepsUp: () => compact.keepsUp(),
    runningTime: running.now,
    takeNumber: () => nextNumber++,
    forget,
    stored(entry) {
      known.heard(entry.device, entry.arrived);
      running.carry(entry.arrived);
      running.watch();
      feedTo?.(stored(entry));
    },
  });

  await ring.prepare();

  for (const one of recovered.damage) tell('spoolDamaged', one);
  compact.wanted();
  if (countMessages(entries) > 0) running.watch();
  tell('spoolRecovered', { ...recovered.report, milliseconds: Math.round(clock.now() - started) });

  return {
    instance,
    largest: largestMessage(space.share),
    get upstream() {
      return upstream;
    },
    learnUpstream(learned) {
      if (isDeepStrictEqual(learned, upstream)) return;
      upstream = learned;
      log.appendSoon(factsFrame(facts()));
    },
    room: (octets) => roomFor(space, octets),
    draft,
    feed(to) {
      feedTo = to;
      for (const entry of entries.values()) if (entry.commit !== undefined) to(stored(entry));
    },
    async envelope(id) {
      const entry = entryOf(id);
      const { envelope } = await readCommit(entry);
      const [first, ...rest] = envelope.recipients.filter((_, at) => !entry.settled.includes(at));
      if (first === undefined) throw new MessageDamaged(`message ${id} has no recipient left`);
      return { ...envelope, recipients: [first, ...rest] };
    },
    async *body(id) {
      const entry = entryOf(id);
      for (let at = 0; at < entry.chunks.length; at++) yield (await readMoving(entry, () => entry.chunks[at])).payload;
    },
    async record(id, settled, { attempts, warned }) {
      const entry = entryOf(id);
      const { envelope } = await readCommit(entry);
      const addresses = new Set(settled.map((recipient) => key(recipient.forwardPath)));
      const nowSettled = envelope.recipients.flatMap((recipient, at) => (addresses.has(key(recipient.forwardPath)) ? [at] : []));
      entry.settled = [...new Set([...entry.settled, ...nowSettled])];
      entry.attempts = attempts;
      entry.warned = warned;
      const record: OutcomeRecord = { attempts, settled: entry.settled, ...(warned ? { warned } : {}), running: running.carry() };
      const payload = [Buffer.from(JSON.stringify(record))];
      const place = (at: Place) => {
        const old = entries.has(entry.number) ? entry.outcome : at;
        if (entries.has(entry.number)) entry.outcome = at;
        if (old !== undefined) countLive([old], -1);
      };
      log.appendSoon({ kind: 'outcome', number: entry.number, position: entry.outcomes++, payload }, { written: place });
    },
    remove(id) {
      const entry = entryOf(id);
      forget(entry, heldFor(entry));
    },
    async submit(envelope, body) {
      const own = draft(0, OWN_DEVICE);
      try {
        for await (const chunk of body) {
          const result = await own.write(chunk);
          if (result !== 'taken') return result;
        }
        const result = await own.commit(envelope);
        return result === 'stored' ? own.id : result;
      } finally {
        own.abandon();
      }
    },
    get newest() {
      return newest();
    },
    get count() {
      return countMessages(entries);
    },
    status: () => ({
      messages: countMessages(entries),
      held: space.held,
      capacity: space.capacity,
      segments: ring.all().length,
      damage: recovered.damage,
      flash: flash.facts(),
      running: running.now(),
    }),
    async close() {
      running.stop();
      await compact.stop();
      if (ring.segments.length > 0) log.appendSoon(factsFrame(facts()));
      await log.close();
      for (const segment of ring.all()) await segment.file.close();
      await manifest.close();
    },
  };
}

const heldFor = (entry: Entry) => footprint(entry.octets, entry.commit?.size);

const factsFrame = (facts: Facts): Frame => ({ kind: 'facts', number: 0, position: 0, payload: [Buffer.from(JSON.stringify(facts))] });

const key = (mailbox: Mailbox) => formatMailbox({ localPart: mailbox.localPart, domain: mailbox.domain.toLowerCase() });

/** Numbers start at a random place, so that ids of a spool that was wiped don't repeat those in old logs. */
function firstNumber(random: Random): number {
  return 2 ** 30 + (random.bytes(4).readUInt32LE() % 2 ** 30);
}
