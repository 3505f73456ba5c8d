// The log: frames go in, groups of them go to the flash. While one group is being written and synced, the next
// gathers, so that ten cameras that send together share a sync.
//
// It promises: a group starts on a fresh page, so an acknowledged page is never written again. A segment is synced
// before the log moves on to the next, so only the newest can be torn. A failed write or sync is never repeated: the
// segment is retired, whoever waits for it gets a DiskFailed, and the log goes on in another segment. Nothing is
// acknowledged in a file that is not in the folder any more, or in a folder that another relay has taken.

import type { Cancel, Clock } from '../system/clock.ts';
import type { Tell } from '../vocabulary/events.ts';
import { type Frame, type FrameKind, frameSize } from './frame.ts';
import { Ousted } from './ownership.ts';
import type { Presence } from './presence.ts';
import type { Ring } from './ring.ts';
import type { Place, Segment } from './segment.ts';

/** The flash did not take it: no frame that was given to the log for this may be relied on. */
export class DiskFailed extends Error {
  override readonly name = 'DiskFailed';
  /** Whether space was missing, which may come back by itself. */
  readonly isFull: boolean;
  /** `cause` is what the disk said; its message is this one's. */
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    const code = (cause as { code?: unknown } | undefined)?.code;
    this.isFull = code === 'ENOSPC' || code === 'EDQUOT' || (cause instanceof DiskFailed && cause.isFull);
  }
}

type LogParts = {
  readonly clock: Clock;
  readonly ring: Ring;
  readonly presence: Presence;
  readonly tell: Tell;
  /** Called when a segment was begun, so fewer are left. */
  readonly begun: () => void;
};

// Frames that are read again once they are written, so that their segments must stay; the others matter to recovery
// only.
const KEPT: ReadonlySet<FrameKind> = new Set(['body', 'commit', 'outcome']);

// A frame for which nobody waits goes to the flash after this many ms at the latest. To lose it costs a duplicate,
// never a message.
const SOON = 1_000;
// How long such frames wait after a failure, in ms, if nobody else wants anything written.
const SOON_AFTER_FAILURE = 10_000;

/**
 * What waits for the log, a sync included. `written` is called when its frame is written, and nothing more for one of
 * that kind; `synced` when it is on the flash; `lost` instead, when its segment failed: it says whether the frame is to
 * be appended again.
 */
type Waiting = {
  /**
   * What it waits for: to be written; to be on the flash; nothing, it may go with others; or that all before it is on
   * the flash.
   */
  readonly kind: 'written' | 'durable' | 'soon' | 'sync';
  readonly frame: Frame | undefined;
  /** Octets in the segment. */
  readonly size: number;
  /** Whether it may begin one of the last segments. */
  readonly isUrgent: boolean;
  written(place: Place): void;
  synced(): void;
  lost(error: DiskFailed): 'again' | 'dropped';
};

/** Writes frames to the newest segment of the ring, in the order in which they come. */
export class Log {
  readonly #parts: LogParts;
  // In the order in which they came.
  #waiting: Waiting[] = [];
  // Taken from the list into the group that is being written, and not yet synced.
  #atStake: Waiting[] = [];
  #segment: Segment | undefined;
  #running: Promise<void> | undefined;
  #cancelSoon: Cancel | undefined;
  // Set once another relay has the folder: nothing is written any more.
  #ousted: DiskFailed | undefined;

  /** A log that begins in a new segment of the ring, when the first frame comes. */
  constructor(parts: LogParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when the frame is written, if not yet on the flash. Rejects with DiskFailed. An `urgent` one may begin one
   * of the last segments, which are kept for what makes others free. Whoever gets the place releases it.
   */
  append(frame: Frame, urgency?: 'urgent'): Promise<Place> {
    return new Promise((resolve, reject) => {
      this.#add({
        kind: 'written',
        frame,
        size: frameSize(frame),
        isUrgent: urgency === 'urgent',
        written: resolve,
        synced: () => {},
        lost: (error) => {
          reject(error);
          return 'dropped';
        },
      });
    });
  }

  /**
   * Resolves when the frame, and all appended before it, is on the flash. Rejects with DiskFailed. Whoever gets the
   * place releases it.
   */
  appendDurable(frame: Frame): Promise<Place> {
    return new Promise((resolve, reject) => {
      let place: Place | undefined;
      this.#add({
        kind: 'durable',
        frame,
        size: frameSize(frame),
        isUrgent: false,
        written: (at) => {
          place = at;
        },
        synced: () => {
          if (place !== undefined) resolve(place);
        },
        lost: (error) => {
          if (place !== undefined && KEPT.has(frame.kind)) place.segment.release(place);
          reject(error);
          return 'dropped';
        },
      });
    });
  }

  /**
   * Writes the frame with the next group, at the latest after a second. If its segment fails before the sync, it is
   * appended again to the next one, and `written` is called again with the new place; `synced` is called once.
   */
  appendSoon(frame: Frame, then: { readonly written?: (place: Place) => void; readonly synced?: () => void } = {}): void {
    const { written = () => {}, synced = () => {} } = then;
    this.#add({ kind: 'soon', frame, size: frameSize(frame), isUrgent: true, written, synced, lost: () => 'again' });
  }

  /** Resolves when all that was appended before is on the flash. Rejects with DiskFailed. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#add({
        kind: 'sync',
        frame: undefined,
        size: 0,
        isUrgent: true,
        written: () => {},
        synced: resolve,
        lost: (error) => {
          reject(error);
          return 'dropped';
        },
      });
    });
  }

  /** Writes what waits, once, and resolves when that has succeeded or failed. */
  async close(): Promise<void> {
    this.#cancelSoon?.();
    if (this.#running !== undefined) await this.#running;
    if (this.#waiting.length > 0) {
      this.#go();
      await this.#running;
    }
    this.#cancelSoon?.();
  }

  #add(one: Waiting): void {
    if (this.#ousted !== undefined) return void one.lost(this.#ousted);
    this.#waiting.push(one);
    if (one.kind === 'soon') this.#goWithin(SOON);
    else this.#go();
  }

  #go(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isAwaited) this.#go();
    });
  }

  #goWithin(milliseconds: number): void {
    this.#cancelSoon ??= this.#parts.clock.after(milliseconds, () => {
      this.#cancelSoon = undefined;
      this.#go();
    });
  }

  /** Whether anybody waits for what is in the list. */
  get #isAwaited(): boolean {
    return this.#waiting.some(({ kind }) => kind !== 'soon');
  }

  async #run(): Promise<void> {
    await undefined; // Those who append in this same turn join the group.
    while (this.#waiting.length > 0) {
      try {
        await this.#writeGroup();
      } catch (error) {
        if (error instanceof Ousted) return this.#end(new DiskFailed(error));
        this.#giveUp(new DiskFailed(error));
        if (!this.#isAwaited) {
          if (this.#waiting.length > 0) this.#goWithin(SOON_AFTER_FAILURE);
          return;
        }
      }
    }
  }

  /** Writes as much of what waits as the current segment takes, and syncs if anybody waits for that. */
  async #writeGroup(): Promise<void> {
    const { presence } = this.#parts;
    if (this.#segment === undefined || presence.isDue) await presence.inspect();
    if (this.#segment?.isGone === true) this.#segment = undefined;
    if (this.#segment === undefined) {
      if (this.#parts.ring.isScarce) this.#refuseOrdinary();
      this.#answerLeadingSyncs();
      if (this.#waiting.length === 0) return;
      this.#segment = await this.#parts.ring.next();
      this.#parts.begun();
    }
    const segment = this.#segment;
    const group = this.#takeGroup(segment);
    if (group.length === 0) return this.#leave(segment);
    this.#atStake.push(...group);
    await write(segment, group);
    this.#atStake = this.#atStake.filter(({ kind }) => kind !== 'written');
    if (group.some(({ kind }) => kind !== 'written')) await this.#sync(segment);
  }

  /** What would only fill the spool further gets no segment; the last ones are for what makes room. */
  #refuseOrdinary(): void {
    const full = new DiskFailed(Object.assign(new Error('the spool is full'), { code: 'ENOSPC' }));
    const ordinary = this.#waiting.filter(({ isUrgent }) => !isUrgent);
    this.#waiting = this.#waiting.filter(({ isUrgent }) => isUrgent);
    for (const one of ordinary) one.lost(full);
  }

  /**
   * Without a current segment, all that was appended before them stands in segments that were synced when the log
   * moved on.
   */
  #answerLeadingSyncs(): void {
    while (this.#waiting[0]?.kind === 'sync') this.#waiting.shift()?.synced();
  }

  #takeGroup(segment: Segment): readonly Waiting[] {
    let room = segment.roomLeft;
    let count = 0;
    for (const { size } of this.#waiting) {
      if (size > room) break;
      room -= size;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #sync(segment: Segment): Promise<void> {
    await segment.sync();
    await this.#parts.presence.vouch(segment);
    for (const one of this.#atStake.splice(0)) one.synced();
  }

  /** Moves on to another segment; this one is synced first, so that only the newest segment can ever be torn. */
  async #leave(segment: Segment): Promise<void> {
    if (segment.durableEnd < segment.end) await this.#sync(segment);
    this.#segment = undefined;
  }

  /** Another relay has the folder: all that waits is lost, and so is all that comes. */
  #end(error: DiskFailed): void {
    this.#ousted = error;
    this.#segment?.retire();
    this.#segment = undefined;
    for (const one of [...this.#atStake.splice(0), ...this.#waiting.splice(0)]) one.lost(error);
  }

  /**
   * A write, a sync or the making of a segment failed. The segment is retired, and the group in it is lost. If no
   * segment could be made there is none to go on in, so all that waits is lost. Otherwise only the commits are: their
   * bodies may have been in the failed segment, and in the next one a commit alone would look like lost mail.
   */
  #giveUp(error: DiskFailed): void {
    const { ring, tell } = this.#parts;
    const segment = this.#segment;
    this.#segment = undefined;
    const isLost = ({ kind }: Waiting) => segment === undefined || kind === 'durable';
    const lost = [...this.#atStake.splice(0), ...this.#waiting.filter(isLost)];
    const others = this.#waiting.filter((one) => !isLost(one));
    this.#waiting = [...lost.filter((one) => one.lost(error) === 'again'), ...others];
    segment?.retire();
    tell('spoolFailed', { problem: error.message });
    if (segment !== undefined && !segment.hasSyncedFrames) ring.drop(segment);
  }
}

/** Writes the frames of the group; each that is read again keeps its segment until its place is released. */
async function write(segment: Segment, group: readonly Waiting[]): Promise<void> {
  const framed = group.flatMap((one) => (one.frame === undefined ? [] : [{ one, frame: one.frame }]));
  if (framed.length === 0) return;
  const places = await segment.append(framed.map(({ frame }) => frame));
  for (const [at, { one, frame }] of framed.entries()) {
    const place = places[at];
    if (place === undefined) continue;
    if (KEPT.has(frame.kind)) segment.hold(place);
    one.written(place);
  }
}
