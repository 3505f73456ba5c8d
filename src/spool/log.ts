// The log: frames go in, groups of them go to the flash. While one group is being written and synced,
// the next gathers, so that ten cameras that alarm together share a sync.
//
// Promises: a group starts on a fresh page, so an acknowledged page is never written again; a segment
// is synced before it is left, so only the newest can be torn; a failed write or sync is never
// retried: the segment is given up for this life, whoever waits on it hears of it, and the log goes on
// in another.

import type { Cancel, Clock } from '../system/clock.ts';
import { type Frame, type FrameKind, frameSize, PAGE, toPages } from './frame.ts';
import { frameLimit, type Place, type Segment, sealGroup } from './segment.ts';

/** The flash did not take it: nothing of what was asked may be believed to be there. */
export class DiskFailed extends Error {
  override readonly name = 'DiskFailed';
  /** Whether it was for want of space, which may come back by itself. */
  readonly isFull: boolean;
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    const code = (cause as { code?: unknown } | undefined)?.code;
    this.isFull = code === 'ENOSPC' || code === 'EDQUOT' || (cause instanceof DiskFailed && cause.isFull);
  }
}

export interface Log {
  /**
   * Resolves when the frame is written, if not yet on the flash. Rejects with DiskFailed. An `urgent`
   * one may go into the last segments, which are kept for what makes others free.
   */
  append(frame: Frame, urgency?: 'urgent'): Promise<Place>;
  /** Resolves when the frame, and all appended before it, is on the flash. Rejects with DiskFailed. */
  appendDurable(frame: Frame): Promise<Place>;
  /** The frame rides with the next group, or goes by itself within `SOON`. It survives a failed segment: it is appended again. */
  appendSoon(frame: Frame, news?: { readonly written?: (place: Place) => void; readonly durable?: () => void }): void;
  /** Resolves when all appended so far is on the flash. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export type LogParts = {
  readonly clock: Clock;
  /** Whether so few segments are left that only what frees others may begin one. */
  readonly isScarce: () => boolean;
  /** The next segment, its life begun and the header on the flash. Rejects when there is none, or when that fails. */
  readonly nextSegment: () => Promise<Segment>;
  /** A write or sync failed, or no segment was to be had (undefined); `inItsFirstGroup`: nothing of this life was ever believed. */
  readonly failed: (segment: Segment | undefined, error: DiskFailed, inItsFirstGroup: boolean) => void;
  /** Octets that were written, and each sync. */
  readonly wrote: (octets: number) => void;
  readonly synced: () => void;
};

// Frames that somebody needs once they are written; the others only matter to recovery.
const KEPT: ReadonlySet<FrameKind> = new Set(['body', 'commit', 'outcome']);

// An outcome that waits alone goes to the flash after this; losing it costs a duplicate, never a message.
const SOON = 1_000;
// How long outcomes wait after a failure before they are tried by themselves.
const SOON_AFTER_FAILURE = 10_000;

type Pending = {
  readonly frame: Frame;
  readonly size: number;
  readonly want: 'written' | 'durable' | 'soon';
  readonly isUrgent: boolean;
  readonly resolve: (place: Place) => void;
  readonly reject: (error: DiskFailed) => void;
  readonly durable?: (() => void) | undefined;
  /** Where it was written, once it was. */
  place?: Place;
};

export function openLog(parts: LogParts): Log {
  let pending: Pending[] = [];
  const syncWaiters: { resolve: () => void; reject: (error: DiskFailed) => void }[] = [];
  // Outcomes that are written but not synced: a failed sync puts them in front again.
  let unsyncedOutcomes: Pending[] = [];
  let current: Segment | undefined;
  let running: Promise<void> | undefined;
  let cancelSoon: Cancel | undefined;

  function add(
    frame: Frame,
    want: Pending['want'],
    isUrgent: boolean,
    resolve: (place: Place) => void,
    reject: (error: DiskFailed) => void,
    durable?: () => void,
  ): void {
    pending.push({ frame, size: frameSize(frame), want, isUrgent, resolve, reject, durable });
    if (want === 'soon') goSoon(SOON);
    else go();
  }

  function go(): void {
    running ??= run().finally(() => {
      running = undefined;
      if (syncWaiters.length > 0 || pending.some((one) => one.want !== 'soon')) go();
    });
  }

  function goSoon(within: number): void {
    cancelSoon ??= parts.clock.after(within, () => {
      cancelSoon = undefined;
      go();
    });
  }

  async function run(): Promise<void> {
    await undefined; // let those who append in this same turn join the group
    while (pending.length > 0 || syncWaiters.length > 0) {
      try {
        await writeGroup();
      } catch (error) {
        giveUp(error);
        if (!pending.some((one) => one.want !== 'soon')) {
          if (pending.length > 0) goSoon(SOON_AFTER_FAILURE);
          return;
        }
      }
    }
  }

  /** Writes as many of the pending frames as the current segment takes, and syncs if anybody waits for that. */
  async function writeGroup(): Promise<void> {
    if (current === undefined && parts.isScarce()) refuseOrdinary();
    if (pending.length === 0 && current === undefined) {
      // All that was ever appended lies in segments that were synced when they were left.
      for (const waiter of syncWaiters.splice(0)) waiter.resolve();
      return;
    }
    current ??= await parts.nextSegment();
    const segment = current;
    const group = takeGroup(segment);
    if (group.length === 0 && pending.length > 0) return leave(segment);
    // A sync covers whoever waits for one, as long as nothing that was appended before is left out.
    const waiters = pending.length === 0 ? syncWaiters.splice(0) : [];
    try {
      if (group.length > 0) await write(segment, group);
      if (waiters.length > 0 || group.some((one) => one.want !== 'written')) await sync(segment);
    } catch (error) {
      throw new GroupFailed(error, group, waiters);
    }
    for (const one of group) if (one.want === 'durable' && one.place !== undefined) one.resolve(one.place);
    for (const waiter of waiters) waiter.resolve();
  }

  /** What would only fill the spool further gets no segment; the reserve is for what makes room. */
  function refuseOrdinary(): void {
    const full = new DiskFailed(Object.assign(new Error('the spool is full'), { code: 'ENOSPC' }));
    for (const one of pending) if (!one.isUrgent) one.reject(full);
    pending = pending.filter((one) => one.isUrgent);
  }

  function takeGroup(segment: Segment): Pending[] {
    let room = frameLimit(segment) - segment.end;
    let count = 0;
    for (const one of pending) {
      if (one.size > room) break;
      room -= one.size;
      count += 1;
    }
    return pending.splice(0, count);
  }

  async function write(segment: Segment, group: readonly Pending[]): Promise<void> {
    const octets = group.reduce((sum, one) => sum + one.size, 0);
    const padded = toPages(octets);
    const slices = sealGroup(
      segment,
      group.map((one) => one.frame),
      padded - octets,
    );
    const start = segment.end;
    await segment.file.writev(slices, start);
    parts.wrote(padded);
    segment.end = start + padded;
    let at = start;
    for (const one of group) {
      const place: Place = { segment, at, size: one.size };
      at += one.size;
      one.place = place;
      if (KEPT.has(one.frame.kind)) segment.live += one.size; // whoever gets the place gives it back
      if (one.want === 'soon') unsyncedOutcomes.push(one);
      if (one.want !== 'durable') one.resolve(place);
    }
  }

  async function sync(segment: Segment): Promise<void> {
    const end = segment.end;
    await segment.file.datasync();
    segment.durableEnd = end;
    parts.synced();
    for (const one of unsyncedOutcomes.splice(0)) one.durable?.();
  }

  /** Goes on in another segment; this one is synced first, so that only the newest segment can ever be torn. */
  async function leave(segment: Segment): Promise<void> {
    if (segment.durableEnd < segment.end) await sync(segment);
    current = undefined;
  }

  /** A write, a sync or the making of a segment failed: everybody who waits hears of it, and the segment is given up. */
  function giveUp(cause: unknown): void {
    const failed = cause instanceof GroupFailed ? cause : new GroupFailed(cause, [], []);
    const error = new DiskFailed(failed.cause);
    const segment = current;
    current = undefined;
    const inItsFirstGroup = segment?.durableEnd === PAGE;
    const again = unsyncedOutcomes;
    unsyncedOutcomes = [];
    const waiting = [...failed.group, ...(segment === undefined ? pending : [])];
    // Without a segment there is nothing to go on in: all that wait are told. With one, only those of its group; the others get the next.
    if (segment === undefined) pending = [];
    // A commit whose body may have been in the failed segment must not stand in the next one: it would look like lost mail.
    const commits = pending.filter((one) => one.want === 'durable');
    waiting.push(...commits);
    pending = pending.filter((one) => one.want !== 'durable');
    const kept = waiting.filter((one) => one.want === 'soon' && !again.includes(one));
    pending = [...again, ...kept, ...pending];
    for (const one of waiting) {
      if (one.want === 'soon') continue;
      if (one.want === 'durable' && one.place !== undefined && KEPT.has(one.frame.kind)) one.place.segment.live -= one.size;
      one.reject(error);
    }
    for (const waiter of failed.syncWaiters) waiter.reject(error);
    if (segment === undefined) {
      for (const waiter of syncWaiters.splice(0)) waiter.reject(error);
    } else {
      segment.failed = true;
    }
    parts.failed(segment, error, inItsFirstGroup);
  }

  return {
    append: (frame, urgency) => new Promise((resolve, reject) => add(frame, 'written', urgency === 'urgent', resolve, reject)),
    appendDurable: (frame) => new Promise((resolve, reject) => add(frame, 'durable', false, resolve, reject)),
    appendSoon: (frame, { written = () => {}, durable } = {}) => add(frame, 'soon', true, written, () => {}, durable),
    sync: () =>
      new Promise((resolve, reject) => {
        syncWaiters.push({ resolve, reject });
        go();
      }),
    async close() {
      cancelSoon?.();
      if (running !== undefined) await running;
      if (pending.length > 0) {
        go();
        await running;
      }
      cancelSoon?.();
    },
  };
}

class GroupFailed extends Error {
  readonly group: readonly Pending[];
  readonly syncWaiters: readonly { reject: (error: DiskFailed) => void }[];
  constructor(cause: unknown, group: readonly Pending[], syncWaiters: readonly { reject: (error: DiskFailed) => void }[]) {
    super('group failed', { cause });
    this.group = group;
    this.syncWaiters = syncWaiters;
  }
}
