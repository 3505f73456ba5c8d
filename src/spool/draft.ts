// A message on its way into the log: its octets become body frames of a fixed size, and the commit, on the flash
// before the device gets its 250, makes them a message. Of a draft that comes to nothing nothing stays.
//
// test/spool/mutants.test.ts quotes a passage of this file.

import type { Envelope } from '../smtp/envelope.ts';
import type { Clock } from '../system/clock.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import { formatQueueId } from '../vocabulary/queue-id.ts';
import type { Compaction } from './compaction.ts';
import { FRAME_HEAD, type Frame } from './frame.ts';
import { DiskFailed, type Log } from './log.ts';
import { type Messages, messageOf, type Receiving, type StoredMessage } from './messages.ts';
import { encodeRecord } from './records.ts';
import { remove } from './removal.ts';
import type { RunningTime } from './running.ts';
import { type Place, roomIn } from './segment.ts';
import { CHUNK, footprint, type Space } from './space.ts';

type DraftParts = {
  readonly clock: Clock;
  readonly tell: Tell;
  /** Octets a segment. */
  readonly segmentSize: number;
  readonly messages: Messages;
  readonly space: Space;
  readonly running: RunningTime;
  readonly log: Log;
  readonly compaction: Compaction;
  /** Called when the draft has become a message. */
  readonly stored: (message: StoredMessage) => void;
};

// A draft holds at most this many slices before they are joined.
const MOST_SLICES = 256;

/**
 * A draft. Space is held for octets as they come, so that a device that declares many and stays silent takes nothing
 * from others.
 */
export class SpoolDraft {
  readonly id: QueueId;
  readonly #parts: DraftParts;
  readonly #declared: number;
  readonly #entry: Receiving;
  #octets = 0;
  // Octets of space, as a footprint.
  #held = 0;
  // Octets that the log has got.
  #appended = 0;
  // Octets that it has not got yet, and how many they are.
  #slices: Uint8Array[] = [];
  #sliced = 0;
  #isOver = false;

  /**
   * Begins a draft of the device, under a message number that was never used; `declared` is the size in octets that
   * it declared, 0 for none.
   */
  constructor(parts: DraftParts, number: number, device: string, declared: number) {
    this.#parts = parts;
    this.#declared = declared;
    this.#entry = { state: 'receiving', number, chunks: [], device, arrived: parts.running.now() };
    this.id = formatQueueId(number);
    parts.messages.receive(this.#entry);
  }

  /**
   * Takes the next octets of the message; resolves late when the flash is slow. `full`: there is no more space;
   * `failed`: the flash did not take them.
   */
  async write(slice: Uint8Array): Promise<'taken' | 'full' | 'failed'> {
    // What was declared and does not fit now is refused before any of it wears out the flash.
    if (this.#held === 0 && !this.#hasRoom(footprint(this.#declared))) return this.#full();
    if (!this.#holdFor(this.#octets + slice.length)) return this.#full();
    this.#octets += slice.length;
    let rest = slice;
    while (this.#sliced + rest.length >= CHUNK) {
      const cut = CHUNK - this.#sliced;
      this.#keep(rest.subarray(0, cut));
      rest = rest.subarray(cut);
      await this.#parts.compaction.keepUp();
      try {
        await this.#append(this.#bodyFrame());
      } catch (error) {
        return this.#failure(error);
      }
    }
    if (rest.length > 0) this.#keep(rest);
    return 'taken';
  }

  /**
   * `stored` once the message is on the flash; otherwise nothing of it is kept, since there is no space or the flash
   * has failed.
   */
  async commit(envelope: Envelope): Promise<'stored' | 'full' | 'failed'> {
    const { clock, compaction, segmentSize } = this.#parts;
    const { device, arrived } = this.#entry;
    const payload = encodeRecord({ envelope, device, received: clock.wall(), running: arrived });
    const size = FRAME_HEAD + payload.length;
    await compaction.keepUp();
    // An envelope of a thousand long recipients could be larger than any segment; it would wait for one for ever.
    if (size > roomIn(segmentSize) || !this.#holdFor(this.#octets, size)) {
      this.abandon();
      return this.#full();
    }
    if (!this.#isReliable()) {
      this.abandon();
      return 'failed';
    }
    return this.#appendCommit(payload);
  }

  /** Drops the draft; does nothing after a commit. */
  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { messages, space } = this.#parts;
    // A draft of which the log has got nothing needs no `done` there.
    if (this.#appended > 0) this.#remove();
    else if (messages.remove(this.#entry.number)) space.release(this.#entry.device, this.#held);
  }

  async #appendCommit(payload: Buffer): Promise<'stored' | 'full' | 'failed'> {
    const { log, messages, stored } = this.#parts;
    const tail = this.#sliced > 0 ? this.#append(this.#bodyFrame()) : undefined;
    const commit = log.appendDurable({ kind: 'commit', number: this.#entry.number, position: this.#octets, payload: [payload] });
    const [bodyDone, commitDone] = await Promise.allSettled([tail, commit]);
    this.#isOver = true;
    if (bodyDone.status === 'fulfilled' && commitDone.status === 'fulfilled' && this.#isReliable()) {
      const message = messageOf(this.#entry, commitDone.value, this.#octets);
      messages.accept(message);
      stored(message);
      return 'stored';
    }
    // The frames may be on the flash all the same: a `done` keeps the message from coming back.
    this.#remove(commitDone.status === 'fulfilled' ? [commitDone.value] : []);
    const lost = [bodyDone, commitDone].find((one) => one.status === 'rejected');
    return lost === undefined ? 'failed' : this.#failure(lost.reason);
  }

  #remove(more: readonly Place[] = []): void {
    remove(this.#parts, this.#entry, [...this.#entry.chunks, ...more], this.#held);
  }

  #keep(slice: Uint8Array): void {
    this.#slices.push(slice);
    this.#sliced += slice.length;
    // A device that sends a few octets at a time would leave thousands of tiny slices behind.
    if (this.#slices.length > MOST_SLICES) this.#slices = [Buffer.concat(this.#slices)];
  }

  #bodyFrame(): Frame {
    const frame: Frame = { kind: 'body', number: this.#entry.number, position: this.#appended, payload: this.#slices };
    this.#appended += this.#sliced;
    this.#slices = [];
    this.#sliced = 0;
    return frame;
  }

  async #append(frame: Frame): Promise<void> {
    this.#entry.chunks.push(await this.#parts.log.append(frame));
  }

  /** Holds what a message of that size takes, if it fits; otherwise nothing changes. */
  #holdFor(octets: number, commit?: number): boolean {
    const more = footprint(octets, commit) - this.#held;
    if (more > 0 && !this.#hasRoom(more)) return false;
    this.#parts.space.hold(this.#entry.device, more);
    this.#held += more;
    return true;
  }

  #hasRoom(more: number): boolean {
    const { space, running } = this.#parts;
    return space.fits(this.#entry.device, more, running.now());
  }

  /** Whether all of the body that was written can be relied on: a segment may have failed under it. */
  #isReliable(): boolean {
    return this.#entry.chunks.every((place) => place.segment.isReliable(place));
  }

  #full(): 'full' {
    this.#parts.tell('spoolFull', { device: this.#entry.device, octets: this.#octets });
    return 'full';
  }

  #failure(error: unknown): 'full' | 'failed' {
    if (!(error instanceof DiskFailed)) throw error;
    return error.isFull ? this.#full() : 'failed';
  }
}
