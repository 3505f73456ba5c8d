// Compaction: segments come free in order, oldest first. When few are left, the frames in the oldest that are still
// needed are copied to the newest under their own numbers and synced there; then the oldest is free. The order is why
// a `done` outlives the body of its message.
//
// A segment whose file was removed while the relay runs is emptied in the same way, wherever in the order it stands;
// its `done`s are written again.

import type { Tell } from '../vocabulary/events.ts';
import type { Log } from './log.ts';
import { type Entry, type Messages, release } from './messages.ts';
import type { Ring } from './ring.ts';
import { scan } from './scan.ts';
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

  /** Starts in the background if segments are running low, or one in use is gone. */
  startIfNeeded(): void {
    const { ring, tell } = this.#parts;
    if (this.#isStopped || (!ring.isRunningLow && ring.gone.length === 0)) return;
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

  /** Ends it after the segment that is being copied, or after all that are gone. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    // One may have gone after the run had begun.
    await this.#rescue();
  }

  async #run(): Promise<void> {
    const { ring } = this.#parts;
    await this.#rescue();
    // Each segment at most once: more rounds do not make a spool emptier that is full of mail that waits.
    for (let left = ring.inUse; left > 0 && ring.isRunningLow && !this.#isStopped; left--) {
      ring.reclaim();
      const { oldest } = ring;
      if (oldest === undefined || !ring.isWorthCompacting) return;
      if (!(await this.#empty(oldest))) return;
      ring.reclaim();
    }
  }

  /**
   * Copies what is needed out of the segments that are gone, and puts them out of use. After a failure the rest stays.
   */
  async #rescue(): Promise<void> {
    const { ring, log } = this.#parts;
    const { gone } = ring;
    for (const segment of gone) {
      if (!(await this.#moveOut(segment)) || !(await this.#copyDone(segment))) return;
      ring.discard(segment);
    }
    // With this the log takes them off the manifest.
    if (gone.length > 0) await log.sync().catch(() => {});
  }

  /**
   * Writes the `done` frames of `segment` again: the messages that they end may stand in older segments. Whether that
   * succeeded.
   */
  async #copyDone(segment: Segment): Promise<boolean> {
    const { log } = this.#parts;
    await scan(segment, ({ kind, number, position }) => {
      if (kind === 'done') log.appendSoon({ kind, number, position, payload: [] });
    });
    return log.sync().then(
      () => true,
      () => false,
    );
  }

  /** Moves all frames that are needed out of `segment`; whether it is free then. */
  async #empty(segment: Segment): Promise<boolean> {
    return (await this.#moveOut(segment)) && !segment.isNeeded;
  }

  /** Copies all frames that are needed out of `segment`; whether that succeeded. */
  async #moveOut(segment: Segment): Promise<boolean> {
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
    return true;
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
