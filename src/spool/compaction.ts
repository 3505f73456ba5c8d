// Compaction: segments come free in order, oldest first. When few are left, the frames in the oldest that are still
// needed are copied to the newest under their own numbers and synced there; then the oldest is free. The order is why
// a `done` outlives the body of its message.

import type { Tell } from '../vocabulary/events.ts';
import type { Log } from './log.ts';
import { type Entry, type Messages, release } from './messages.ts';
import type { Ring } from './ring.ts';
import type { Place, Segment } from './segment.ts';

type CompactionParts = {
  readonly ring: Ring;
  readonly log: Log;
  readonly messages: Messages;
  readonly tell: Tell;
};

// Frames copied before waiting for the log, so that small ones share pages. At most 16 x 32 KiB in memory.
const BATCH = 16;

/** Makes segments free in the background, one run at a time. */
export class Compaction {
  readonly #parts: CompactionParts;
  #running: Promise<void> | undefined;
  #isStopped = false;

  /** Runs only when `startIfNeeded` or `keepUp` is called. */
  constructor(parts: CompactionParts) {
    this.#parts = parts;
  }

  /** Starts in the background if segments are running low. */
  startIfNeeded(): void {
    const { ring, tell } = this.#parts;
    if (this.#isStopped || !ring.isRunningLow) return;
    this.#running ??= this.#run()
      .catch((error: unknown) => tell('fault', { where: 'compaction', error }))
      .finally(() => {
        this.#running = undefined;
      });
  }

  /**
   * Resolves at once unless segments are scarce; then when compaction has ended, so that a writer does not take the
   * segments that it needs.
   */
  async keepUp(): Promise<void> {
    if (!this.#parts.ring.isScarce) return;
    this.startIfNeeded();
    await this.#running;
  }

  /** Ends it after the segment that is being copied. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { ring } = this.#parts;
    // Each segment at most once: more rounds do not make a spool emptier that is full of mail that waits.
    for (let left = ring.inUse; left > 0 && ring.isRunningLow && !this.#isStopped; left--) {
      ring.reclaim();
      const { oldest } = ring;
      if (oldest === undefined || !ring.isWorthCompacting) return;
      if (!(await this.#empty(oldest))) return;
      ring.reclaim();
    }
  }

  /** Copies all frames that are needed out of `segment`; whether that succeeded. */
  async #empty(segment: Segment): Promise<boolean> {
    const { log, messages } = this.#parts;
    const moves: Move[] = [];
    const slots = messages.entries().flatMap((entry) => slotsIn(entry, segment));
    for (let at = 0; at < slots.length; at += BATCH) {
      const copies = await Promise.allSettled(slots.slice(at, at + BATCH).map((slot) => this.#copy(slot)));
      for (const one of copies) if (one.status === 'fulfilled' && one.value !== undefined) moves.push(one.value);
      if (copies.some((one) => one.status === 'rejected')) return undo(moves);
    }
    try {
      await log.sync();
    } catch {
      return undo(moves); // A DiskFailed, which the log has reported. The copies cannot be relied on, so the messages stay where they are.
    }
    // The segment that the copies went to may have failed before this sync.
    if (moves.some(({ copy }) => !copy.segment.isReliable(copy))) return undo(moves);
    for (const move of moves) release([this.#take(move)]);
    return !segment.isNeeded;
  }

  /**
   * Puts the copy in place of the original, unless the message is gone meanwhile; the place that is not needed any
   * more.
   */
  #take({ slot, copy }: Move): Place {
    const isCurrent = this.#parts.messages.has(slot.entry.number) && slot.read() === slot.old;
    if (!isCurrent) return copy;
    slot.write(copy);
    return slot.old;
  }

  async #copy(slot: Slot): Promise<Move | undefined> {
    const { log, messages } = this.#parts;
    const frame = await slot.old.segment.read(slot.old);
    if (frame === undefined) throw new Error(`a frame in ${slot.old.segment.name} at ${slot.old.at} is damaged`);
    // From here to append() nothing else runs: a `done` that comes later also stands later in the log.
    if (!messages.has(slot.entry.number) || slot.read() !== slot.old) return undefined;
    const { kind, number, position, payload } = frame;
    return { slot, copy: await log.append({ kind, number, position, payload: [payload] }, 'urgent') };
  }
}

/** One of an entry's places, to be read and replaced. */
type Slot = { readonly entry: Entry; readonly old: Place; readonly read: () => Place | undefined; readonly write: (place: Place) => void };
type Move = { readonly slot: Slot; readonly copy: Place };

function undo(moves: readonly Move[]): false {
  release(moves.map(({ copy }) => copy));
  return false;
}

function slotsIn(entry: Entry, segment: Segment): Slot[] {
  const slots: Slot[] = [];
  entry.chunks.forEach((old, at) => {
    const write = (place: Place) => {
      entry.chunks[at] = place;
    };
    if (old.segment === segment) slots.push({ entry, old, read: () => entry.chunks[at], write });
  });
  if (entry.state === 'receiving') return slots;
  for (const which of ['commit', 'outcome'] as const) {
    const old = entry[which];
    const write = (place: Place) => {
      entry[which] = place;
    };
    if (old?.segment === segment) slots.push({ entry, old, read: () => entry[which], write });
  }
  return slots;
}
