// The spool's face: drafts in, messages out, outcomes recorded. What the server and the delivery need of it stands in
// their own folders (server/store.ts, delivery/queue.ts); this satisfies both. It puts the parts together and decides
// little itself: how octets come to the flash is in README.md.

import { formatMailbox, type Mailbox } from '../smtp/address.ts';
import type { Envelope, Recipient } from '../smtp/envelope.ts';
import { type Clock, later, type WallTime } from '../system/clock.ts';
import type { Disk } from '../system/disk.ts';
import type { Random } from '../system/random.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { Offers } from '../vocabulary/offers.ts';
import { formatQueueId, numberOfQueueId, type QueueId } from '../vocabulary/queue-id.ts';
import { OWN_DEVICE, type Progress, type QueuedMessage } from '../vocabulary/queued-message.ts';
import type { FlashFacts, SpoolDamage, SpoolStatus } from '../vocabulary/spool-status.ts';
import { Compaction } from './compaction.ts';
import { SpoolDraft } from './draft.ts';
import { SpoolFacts } from './facts.ts';
import { FlashMeter } from './flash.ts';
import type { KnownDevices } from './known.ts';
import { Log } from './log.ts';
import { Manifest } from './manifest.ts';
import { Messages, placesOf, release, type StoredMessage } from './messages.ts';
import { meteredDisk } from './metered-disk.ts';
import { type Hold, Ownership } from './ownership.ts';
import { Presence } from './presence.ts';
import { MessageDamaged, readBody, readCommit } from './reader.ts';
import { encodeRecord } from './records.ts';
import { recover } from './recover.ts';
import { remove } from './removal.ts';
import { Ring } from './ring.ts';
import { RunningTime } from './running.ts';
import { RunningTimeWriter } from './running-writer.ts';
import type { Place } from './segment.ts';
import { footprint, Space } from './space.ts';

/** What a spool needs of the outside. */
export type SpoolParts = {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
  /** Octets a segment, and how many at most. */
  readonly segmentSize: number;
  readonly segments: number;
  /** The lock of the folder, if there is one. */
  readonly hold?: Hold;
  /** Called once, with a sentence, when another relay has taken the folder; from then on nothing is written. */
  readonly lost?: (problem: string) => void;
};

// So much damage the status shows at most.
const MOST_DAMAGE = 100;

/** What a spool is made of, once it is recovered. */
type Collaborators = {
  readonly clock: Clock;
  readonly tell: Tell;
  readonly segmentSize: number;
  readonly facts: SpoolFacts;
  readonly flash: FlashMeter;
  readonly running: RunningTime;
  readonly writer: RunningTimeWriter;
  readonly messages: Messages;
  readonly known: KnownDevices;
  readonly space: Space;
  readonly manifest: Manifest;
  readonly presence: Presence;
  readonly ring: Ring;
  readonly log: Log;
  readonly compaction: Compaction;
  /** What recovery found, and what went missing since. */
  readonly damage: readonly SpoolDamage[];
};

/**
 * Opens the spool in `disk`, recovering what is there. Rejects with what the disk says, with NewerFormat, and with
 * UnexpectedRecord.
 */
export async function openSpool(parts: SpoolParts): Promise<Spool> {
  const { clock, random, tell, segmentSize, segments } = parts;
  const started = clock.now();
  const flash = new FlashMeter();
  const disk = meteredDisk(parts.disk, flash);
  const recovered = await recover(disk);
  const { known, highestNumber, newest } = recovered;
  const running = new RunningTime(clock, recovered.running);
  flash.resume(recovered.facts?.flash, () => running.now());
  // What a killed process had written but not synced must not vanish after it was acted on.
  for (const segment of recovered.ring) await segment.syncFound();
  const ownership = new Ownership({ tell, hold: parts.hold, lost: parts.lost ?? (() => {}) });
  const run = random.bytes(8).toString('hex');
  const manifest = await Manifest.open({ disk, found: recovered.manifest, run, ownership });

  const facts = new SpoolFacts({ clock, random, running, flash, before: recovered.facts, highestNumber, newest });
  const messages = new Messages(recovered.messages);
  const space = new Space(segmentSize, segments, known);
  for (const message of messages.values()) space.hold(message.device, heldBy(message));
  const ring = new Ring({ disk, random, tell, segmentSize, segments, facts, manifest, recovered });
  const damage: SpoolDamage[] = [];
  const damaged = (one: SpoolDamage) => {
    if (damage.length < MOST_DAMAGE) damage.push(one);
    tell('spoolDamaged', one);
  };
  const presence = new Presence({ clock, ring, manifest, ownership, damaged, gone: () => compaction.startIfNeeded() });
  const log: Log = new Log({ clock, ring, presence, tell, begun: () => compaction.startIfNeeded() });
  const compaction = new Compaction({ ring, log, messages, tell });
  const writer = new RunningTimeWriter({ clock, running, messages, facts, log });
  await ring.prepare();

  for (const one of recovered.damage) damaged(one);
  compaction.startIfNeeded();
  if (messages.count > 0) writer.watch();
  tell('spoolRecovered', { ...recovered.report, milliseconds: Math.round(clock.now() - started) });
  return new Spool({
    clock,
    tell,
    segmentSize,
    facts,
    flash,
    running,
    writer,
    messages,
    known,
    space,
    manifest,
    presence,
    ring,
    log,
    compaction,
    damage,
  });
}

/** The spool of a running relay: a message store for devices, and the queue of the delivery. */
export class Spool {
  readonly #parts: Collaborators;
  #feedTo: ((stored: QueuedMessage) => void) | undefined;

  /** Only `openSpool` makes one. */
  constructor(parts: Collaborators) {
    this.#parts = parts;
  }

  /** Tells this spool from all others; stands in trace fields. */
  get instance(): string {
    return this.#parts.facts.instance;
  }

  /** The largest message it could ever hold, in octets. */
  get largest(): number {
    return this.#parts.space.largestMessage;
  }

  /** What the upstreams offer, as last learned; undefined before. */
  get upstream(): Offers | undefined {
    return this.#parts.facts.upstream;
  }

  /** The latest date that was ever seen here. */
  get newest(): WallTime {
    return this.#parts.facts.newest;
  }

  /** How many messages wait. */
  get count(): number {
    return this.#parts.messages.count;
  }

  /** Notes what the upstreams offer, for this run and later ones. */
  learnUpstream(offers: Offers): void {
    const { facts, log } = this.#parts;
    if (facts.learnUpstream(offers)) log.appendSoon(facts.frame());
  }

  /** Whether there is room for a message of `octets` now, or could ever be. */
  room(octets: number): 'yes' | 'not-now' | 'never' {
    return this.#parts.space.room(octets);
  }

  /**
   * A new message of the device, an address or OWN_DEVICE. Nothing is reserved for the `declared` octets (0 for none),
   * but if they don't fit at the first octet of the message, it is refused there.
   */
  draft(declared: number, device: string): SpoolDraft {
    const { clock, tell, segmentSize, messages, space, running, log, compaction, facts } = this.#parts;
    const stored = (message: StoredMessage) => this.#stored(message);
    const parts = { clock, tell, segmentSize, messages, space, running, log, compaction, stored };
    return new SpoolDraft(parts, facts.takeNumber(), device, declared);
  }

  /** Calls `to` with all messages: now with those already there, and from now on with each that comes. */
  feed(to: (stored: QueuedMessage) => void): void {
    this.#feedTo = to;
    for (const message of this.#parts.messages.values()) to(this.#queued(message));
  }

  /** The envelope with the recipients only that still wait. Rejects with MessageDamaged. */
  async envelope(id: QueueId): Promise<Envelope> {
    const message = this.#find(id);
    const { envelope } = await readCommit(message);
    const [first, ...rest] = envelope.recipients.filter((_, at) => !message.settled.includes(at));
    if (first === undefined) throw new MessageDamaged(`message ${id} has no recipient left`);
    return { ...envelope, recipients: [first, ...rest] };
  }

  /** The octets of the message as they were written. Rejects with MessageDamaged. */
  async *body(id: QueueId): AsyncGenerator<Uint8Array> {
    yield* readBody(this.#find(id));
  }

  /**
   * Notes the outcome of an attempt: these recipients are settled, delivered to or failed for good. Resolves once it
   * holds in memory; the flash has it a second later at most. Rejects with MessageDamaged.
   */
  async record(id: QueueId, settled: readonly Recipient[], { attempts, warned }: Progress): Promise<void> {
    const message = this.#find(id);
    const { envelope } = await readCommit(message);
    const addresses = new Set(settled.map(({ forwardPath }) => identityOf(forwardPath)));
    const nowSettled = envelope.recipients.flatMap(({ forwardPath }, at) => (addresses.has(identityOf(forwardPath)) ? [at] : []));
    message.settled = [...new Set([...message.settled, ...nowSettled])];
    message.attempts = attempts;
    message.warned = warned;
    const running = this.#parts.running.carry();
    const payload = encodeRecord({ attempts, settled: message.settled, ...(warned ? { warned } : {}), running });
    const position = message.outcomes;
    message.outcomes += 1;
    this.#parts.log.appendSoon(
      { kind: 'outcome', number: message.number, position, payload: [payload] },
      { written: (place) => this.#placeOutcome(message, place) },
    );
  }

  /**
   * Removes a message, delivered or given up. Until its `done` is synced, a second later at most, a power cut may
   * bring it back. Throws MessageDamaged if it is not there.
   */
  remove(id: QueueId): void {
    const message = this.#find(id);
    remove(this.#parts, message, placesOf(message), heldBy(message));
  }

  /** Takes in a message of the relay's own; its id once it is on the flash, or why it is not. */
  async submit(envelope: Envelope, body: AsyncIterable<Uint8Array>): Promise<QueueId | 'full' | 'failed'> {
    const own = this.draft(0, OWN_DEVICE);
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
  }

  /**
   * What waits, and what was written to the flash. `running` is the running time of the relay, all runs together, in
   * ms.
   */
  status(): SpoolStatus & { readonly flash: FlashFacts; readonly running: number } {
    const { messages, space, ring, flash, running, damage } = this.#parts;
    return {
      messages: messages.count,
      held: space.held,
      capacity: space.capacity,
      segments: ring.segments.length,
      damage,
      flash: flash.facts(),
      running: running.now(),
    };
  }

  /** Writes what waits for the log, and closes all files. Drafts are lost. */
  async close(): Promise<void> {
    const { writer, compaction, ring, presence, log, facts, manifest } = this.#parts;
    writer.stop();
    // A last look at the files, so that what is needed of one that is gone is copied now.
    presence.expire();
    if (ring.inUse > 0) await log.sync().catch(() => {});
    await compaction.stop();
    if (ring.inUse > 0) log.appendSoon(facts.frame());
    await log.close();
    await ring.close();
    await manifest.close();
  }

  #find(id: QueueId): StoredMessage {
    const message = this.#parts.messages.get(numberOfQueueId(id));
    if (message === undefined) throw new MessageDamaged(`message ${id} is not in the spool`);
    return message;
  }

  /** A draft has become a message: its commit carries the running time of its arrival. */
  #stored(message: StoredMessage): void {
    const { known, running, writer } = this.#parts;
    known.note(message.device, message.arrived);
    running.carry(message.arrived);
    writer.watch();
    this.#feedTo?.(this.#queued(message));
  }

  #queued({ number, octets, device, arrived, attempts, warned }: StoredMessage): QueuedMessage {
    const { clock, running } = this.#parts;
    return { id: formatQueueId(number), octets, device, arrived: later(clock.now(), arrived - running.now()), attempts, warned };
  }

  /** An outcome frame was written; the one before it is not needed any more, nor is this one if the message is gone. */
  #placeOutcome(message: StoredMessage, place: Place): void {
    const isThere = this.#parts.messages.has(message.number);
    const unneeded = isThere ? message.outcome : place;
    if (isThere) message.outcome = place;
    if (unneeded !== undefined) release([unneeded]);
  }
}

const heldBy = (message: StoredMessage) => footprint(message.octets, message.commit.size);

/** Domains are compared without regard to case, local parts with it (RFC 5321, section 2.4). */
const identityOf = (mailbox: Mailbox) => formatMailbox({ localPart: mailbox.localPart, domain: mailbox.domain.toLowerCase() });
