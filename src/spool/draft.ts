// A message on its way into the log: octets become body frames of a fixed size, and the commit, durable
// before it is answered, makes them a message. Nothing of it stays when it comes to nothing.

import type { Envelope } from '../smtp/envelope.ts';
import type { Clock } from '../system/clock.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import { formatQueueId } from '../vocabulary/queue-id.ts';
import { FRAME_HEAD, type Frame } from './frame.ts';
import type { KnownDevices } from './known.ts';
import { DiskFailed, type Log } from './log.ts';
import type { CommitRecord, Entry } from './messages.ts';
import { isUnreliable, roomIn } from './segment.ts';
import { CHUNK, fits, footprint, hold, type Space } from './space.ts';

export interface SpoolDraft {
  readonly id: QueueId;
  /** Takes the next octets of the message; slow when the flash is. `full`: the space ran out; `failed`: the flash did. */
  write(slice: Uint8Array): Promise<'taken' | 'full' | 'failed'>;
  /** `stored` once the message is on the flash; otherwise nothing of it is kept. */
  commit(envelope: Envelope): Promise<'stored' | 'full' | 'failed'>;
  /** Forgets the draft; harmless after a commit. */
  abandon(): void;
}

export type DraftParts = {
  readonly clock: Clock;
  readonly tell: Tell;
  readonly segmentSize: number;
  readonly entries: Map<number, Entry>;
  readonly space: Space;
  readonly known: KnownDevices;
  readonly log: Log;
  /** Resolves when there is a segment to write to. */
  readonly keepsUp: () => Promise<void>;
  readonly runningTime: () => number;
  readonly takeNumber: () => number;
  readonly forget: (entry: Entry, held: number) => void;
  /** The entry has become a message. */
  readonly stored: (entry: Entry) => void;
};

// A draft holds at most this many slices before they are joined.
const MOST_SLICES = 256;

/**
 * Makes drafts. Space is held for octets as they come, so that whoever declares many and stays silent
 * takes nothing from others.
 */
export function createDrafts(parts: DraftParts): (declared: number, device: string) => SpoolDraft {
  const { entries, space, log, keepsUp } = parts;
  return (declared, device) => {
    const entry: Entry = {
      number: parts.takeNumber(),
      chunks: [],
      octets: 0,
      device,
      arrived: parts.runningTime(),
      attempts: 0,
      warned: false,
      settled: [],
      outcomes: 0,
    };
    entries.set(entry.number, entry);
    let held = 0;
    let written = 0; // octets already given to the log
    let slices: Uint8Array[] = [];
    let waiting = 0; // octets in slices
    let over = false;

    const bodyFrame = (): Frame => {
      const frame: Frame = { kind: 'body', number: entry.number, position: written, payload: slices };
      written += waiting;
      slices = [];
      waiting = 0;
      return frame;
    };
    /** Holds what a message of that size takes, if it fits; otherwise nothing changes. */
    const holdFor = (octets: number, commit?: number): boolean => {
      const more = footprint(octets, commit) - held;
      if (more > 0 && !hasRoom(more)) return false;
      hold(space, device, more);
      held += more;
      return true;
    };
    const hasRoom = (more: number) => fits(space, parts.known, device, more, parts.runningTime());
    const full = (): 'full' => {
      parts.tell('spoolFull', { device, octets: entry.octets });
      return 'full';
    };
    const append = async (frame: Frame) => {
      entry.chunks.push(await log.append(frame));
    };
    const abandon = () => {
      if (over) return;
      over = true;
      // What never went to the log needs no `done` there.
      if (written > 0) parts.forget(entry, held);
      else if (entries.delete(entry.number)) hold(space, device, -held);
    };
    const failure = (error: unknown): 'full' | 'failed' => {
      if (!(error instanceof DiskFailed)) throw error;
      return error.isFull ? full() : 'failed';
    };

    return {
      id: formatQueueId(entry.number),
      async write(slice) {
        // What was declared and does not fit now is refused before any of it wears out the flash.
        if (held === 0 && !hasRoom(footprint(declared))) return full();
        if (!holdFor(entry.octets + slice.length)) return full();
        entry.octets += slice.length;
        let rest = slice;
        while (waiting + rest.length >= CHUNK) {
          const cut = CHUNK - waiting;
          slices.push(rest.subarray(0, cut));
          waiting = CHUNK;
          rest = rest.subarray(cut);
          await keepsUp();
          try {
            await append(bodyFrame());
          } catch (error) {
            return failure(error);
          }
        }
        if (rest.length > 0) {
          slices.push(rest);
          waiting += rest.length;
          // A device that drips would leave thousands of tiny slices behind.
          if (slices.length > MOST_SLICES) slices = [Buffer.concat(slices)];
        }
        return 'taken';
      },
      async commit(envelope) {
        const record: CommitRecord = { envelope, device, received: parts.clock.wall(), running: entry.arrived };
        const payload: [Buffer] = [Buffer.from(JSON.stringify(record))];
        const size = FRAME_HEAD + payload[0].length;
        await keepsUp();
        // An envelope of a thousand long recipients could be larger than any segment; it would wait for one for ever.
        if (size > roomIn(parts.segmentSize) || !holdFor(entry.octets, size)) {
          abandon();
          return full();
        }
        if (entry.chunks.some(isUnreliable)) {
          abandon();
          return 'failed';
        }
        const tail = waiting > 0 ? append(bodyFrame()) : undefined;
        const commit = log.appendDurable({ kind: 'commit', number: entry.number, position: entry.octets, payload });
        const [bodyDone, commitDone] = await Promise.allSettled([tail, commit]);
        if (commitDone.status === 'fulfilled') entry.commit = commitDone.value;
        const lost = [bodyDone, commitDone].find((one) => one.status === 'rejected');
        over = true;
        if (lost !== undefined || entry.chunks.some(isUnreliable)) {
          // The frames may be on the flash all the same: a `done` keeps them from coming back.
          parts.forget(entry, held);
          return lost === undefined ? 'failed' : failure(lost.reason);
        }
        parts.stored(entry);
        return 'stored';
      },
      abandon,
    };
  };
}
