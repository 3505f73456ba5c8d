// Compaction: segments return in order, oldest first, like a ring. When few are left, what still lives
// in the oldest is copied to the head under its own number, synced there, and the segment is free.
// Order is what makes a `done` outlive the body it ends.

import type { Log } from './log.ts';
import { countLive, type Entry } from './messages.ts';
import { isUnreliable, type Place, readFrame, roomIn, type Segment } from './segment.ts';

export interface Compaction {
  /** Looks whether there is something to do, and does it in the background. */
  wanted(): void;
  /** Waits while compaction must win against those who write, so that there is always a segment to copy into. */
  keepsUp(): Promise<void>;
  /** Ends what runs. */
  stop(): Promise<void>;
}

export type CompactionParts = {
  readonly log: Log;
  /** Oldest first; the last is being written. */
  readonly ring: readonly Segment[];
  readonly entries: ReadonlyMap<number, Entry>;
  /** Segments that the log may still begin. */
  readonly available: () => number;
  readonly reclaim: () => void;
  readonly fault: (error: unknown) => void;
};

/** So few segments left are only for compaction's copies and for `done`s: whoever would fill the spool further gets none. */
export const SCARCE = 2;
// Compaction starts before that.
const START_BELOW = 4;
// Frames copied before waiting for the log, so that small ones share pages. At most 16 x 32 KiB in memory.
const BATCH = 16;

export function compaction(parts: CompactionParts): Compaction {
  let running: Promise<void> | undefined;
  let isStopped = false;

  function wanted(): void {
    if (isStopped || parts.available() >= START_BELOW) return;
    running ??= run()
      .catch(parts.fault)
      .finally(() => {
        running = undefined;
      });
  }

  async function run(): Promise<void> {
    // Each segment at most once: a spool full of live messages can't be made emptier by going round.
    for (let left = parts.ring.length; left > 0 && parts.available() < START_BELOW && !isStopped; left--) {
      parts.reclaim();
      const [oldest, newer] = parts.ring;
      if (oldest === undefined || newer === undefined || !isWorthwhile()) return;
      if (!(await moveLive(oldest))) return;
      parts.reclaim();
    }
  }

  /** Whether going round once frees a segment at least: a spool that is full of live mail is not copied to and fro. */
  function isWorthwhile(): boolean {
    const dead = parts.ring.reduce((sum, segment) => sum + roomIn(segment.size) - segment.live, 0);
    return dead >= roomIn(parts.ring[0]?.size ?? 0);
  }

  /** Copies all live frames out of `segment`; whether that succeeded. */
  async function moveLive(segment: Segment): Promise<boolean> {
    const moves: Move[] = [];
    const movers = [...parts.entries.values()].flatMap((entry) => slotsIn(entry, segment));
    for (let at = 0; at < movers.length; at += BATCH) {
      const copies = await Promise.allSettled(movers.slice(at, at + BATCH).map((slot) => copy(slot)));
      for (const one of copies) if (one.status === 'fulfilled' && one.value !== undefined) moves.push(one.value);
      if (copies.some((one) => one.status === 'rejected')) return undo(moves);
    }
    try {
      await parts.log.sync();
    } catch {
      return undo(moves); // DiskFailed, told by the log: the old places are as good as before
    }
    // The segment that the copies went to may have failed before this sync: then they are as good as not there.
    if (moves.some((move) => isUnreliable(move.copy))) return undo(moves);
    for (const move of moves) {
      const isCurrent = parts.entries.has(move.slot.entry.number) && move.slot.read() === move.slot.old;
      if (isCurrent) move.slot.write(move.copy);
      countLive([isCurrent ? move.slot.old : move.copy], -1);
    }
    return segment.live === 0;
  }

  function undo(moves: readonly Move[]): false {
    countLive(
      moves.map((move) => move.copy),
      -1,
    );
    return false;
  }

  async function copy(slot: Slot): Promise<Move | undefined> {
    const frame = await readFrame(slot.old);
    if (frame === undefined) throw new Error(`a frame in ${slot.old.segment.name} at ${slot.old.at} is damaged`);
    // From here to append() no one else runs: a `done` that comes later also stands later in the log.
    if (!parts.entries.has(slot.entry.number) || slot.read() !== slot.old) return undefined;
    const place = await parts.log.append(
      { kind: frame.kind, number: frame.number, position: frame.position, payload: [frame.payload] },
      'urgent',
    );
    return { slot, copy: place };
  }

  return {
    wanted,
    async keepsUp() {
      if (parts.available() > SCARCE) return;
      wanted();
      await running;
    },
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

/** One of an entry's places, to be read and replaced. */
type Slot = { readonly entry: Entry; readonly old: Place; readonly read: () => Place | undefined; readonly write: (place: Place) => void };
type Move = { readonly slot: Slot; readonly copy: Place };

function slotsIn(entry: Entry, segment: Segment): Slot[] {
  const slots: Slot[] = [];
  entry.chunks.forEach((old, at) => {
    const write = (place: Place) => {
      entry.chunks[at] = place;
    };
    if (old.segment === segment) slots.push({ entry, old, read: () => entry.chunks[at], write });
  });
  for (const which of ['commit', 'outcome'] as const) {
    const old = entry[which];
    const write = (place: Place) => {
      entry[which] = place;
    };
    if (old?.segment === segment) slots.push({ entry, old, read: () => entry[which], write });
  }
  return slots;
}
