// Space: how many octets the spool can hold, and who holds them. Pure bookkeeping; nothing here touches the flash.

import { FRAME_HEAD, PAGE, toPages } from './frame.ts';
import { KnownDevices } from './known.ts';
import { roomIn } from './segment.ts';

/** Octets of payload of a body frame: with its head just eight pages, so that a large message wastes none. */
export const CHUNK = 8 * PAGE - FRAME_HEAD;

// A commit with a few recipients takes less. A longer one counts as it is, once it is there.
const SHORT_COMMIT = PAGE;
// An outcome with every one of a thousand recipients settled stays below this.
const OUTCOME_ALLOWANCE = PAGE;

// Segments that the budget leaves out: one that is being written, one that compaction copies into, and two so that
// compaction may start in time.
const RESERVED_SEGMENTS = 4;
// The share of a segment that frames fill: the last frame before its end seldom fits to the octet.
const USABLE = 15 / 16;

// Whatever the budget, since each costs a file descriptor.
const MOST_SEGMENTS = 64;
const SMALLEST_SEGMENT = 1024 * 1024;

/** How a budget of octets is cut into segments: octets each, and how many. */
export function cutIntoSegments(budget: number): { readonly size: number; readonly count: number } {
  const size = Math.max(SMALLEST_SEGMENT, Math.ceil(budget / MOST_SEGMENTS / SMALLEST_SEGMENT) * SMALLEST_SEGMENT);
  return { size, count: Math.floor(budget / size) };
}

/**
 * Octets that a message of `octets` counts for: its body with the heads of its frames, its commit of `commit` octets
 * in whole pages, and its outcome.
 */
export function footprint(octets: number, commit = SHORT_COMMIT): number {
  return octets + Math.ceil(octets / CHUNK) * FRAME_HEAD + toPages(commit) + OUTCOME_ALLOWANCE;
}

const DEVICE_SHARE = 3 / 4;
const NEW_DEVICES_SHARE = 7 / 8;

/** The octets that messages and drafts hold, in all and for each device. */
export class Space {
  /** Octets that messages and drafts may take together, as footprints. */
  readonly capacity: number;
  readonly #known: KnownDevices;
  // How much of it one device may hold, so that it can't fill the spool for the others.
  readonly #share: number;
  // How much of it all devices together may hold that are not known yet.
  readonly #shareOfNew: number;
  #held = 0;
  readonly #heldBy = new Map<string, number>();

  /** The space of so many segments of `segmentSize` octets each; `known` says which devices are not new. */
  constructor(segmentSize: number, segments: number, known: KnownDevices = new KnownDevices()) {
    this.capacity = Math.max(0, Math.floor((segments - RESERVED_SEGMENTS) * roomIn(segmentSize) * USABLE));
    this.#known = known;
    this.#share = Math.floor(this.capacity * DEVICE_SHARE);
    this.#shareOfNew = Math.floor(this.capacity * NEW_DEVICES_SHARE);
  }

  /** Octets that messages and drafts take, as footprints. */
  get held(): number {
    return this.#held;
  }

  /** Octets of the largest message with a short envelope that it could ever hold. */
  get largestMessage(): number {
    return Math.max(0, Math.floor(((this.#share - SHORT_COMMIT - OUTCOME_ALLOWANCE) * CHUNK) / (CHUNK + FRAME_HEAD)) - FRAME_HEAD);
  }

  /**
   * Whether the device may hold `octets` more: they must be within what there is, within its share, and, if it is new,
   * within the share of new devices. `now` is in ms of running time.
   */
  fits(device: string, octets: number, now: number): boolean {
    const held = this.#held + octets;
    if (held > this.capacity || (this.#heldBy.get(device) ?? 0) + octets > this.#share) return false;
    if (held <= this.#shareOfNew || this.#known.isKnown(device, now)) return true;
    let heldByKnown = 0;
    for (const one of this.#known.all(now)) heldByKnown += this.#heldBy.get(one) ?? 0;
    return held - heldByKnown <= this.#shareOfNew;
  }

  /** The device holds `octets` more. */
  hold(device: string, octets: number): void {
    const held = (this.#heldBy.get(device) ?? 0) + octets;
    this.#held += octets;
    if (held > 0) this.#heldBy.set(device, held);
    else this.#heldBy.delete(device);
  }

  /** The device holds `octets` fewer. */
  release(device: string, octets: number): void {
    this.hold(device, -octets);
  }

  /**
   * Whether there is room for a message of `octets`; `never` if one device may not hold so much even in an empty
   * spool.
   */
  room(octets: number): 'yes' | 'not-now' | 'never' {
    const needed = footprint(octets);
    if (needed > this.#share) return 'never';
    return this.#held + needed > this.capacity ? 'not-now' : 'yes';
  }
}
