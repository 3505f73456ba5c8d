// Space, as arithmetic: what the spool can hold, what is held, what is promised. Pure bookkeeping.

import { FRAME_HEAD, PAGE, toPages } from './frame.ts';
import type { KnownDevices } from './known.ts';
import { roomIn } from './segment.ts';

/** Payload of a body frame: with its head just eight pages, so that a large message wastes none. */
export const CHUNK = 8 * PAGE - FRAME_HEAD;

// A commit with a handful of recipients. A longer one counts as it is, once it is there.
const SHORT_COMMIT = PAGE;
// An outcome with every one of a thousand recipients settled stays below this.
const OUTCOME_ALLOWANCE = PAGE;

// Segments kept out of the budget: one that is being written, one that compaction copies into, and two
// so that it may start in time.
const RESERVED_SEGMENTS = 4;
// Where frames don't fit a segment's end to the octet.
const USABLE = 15 / 16;

/** Largest number of segments, whatever the budget: each costs a file descriptor. */
const MOST_SEGMENTS = 64;
const SMALLEST_SEGMENT = 1024 * 1024;

/** How a budget of octets is cut into segments. */
export function cutIntoSegments(budget: number): { readonly size: number; readonly count: number } {
  const size = Math.max(SMALLEST_SEGMENT, Math.ceil(budget / MOST_SEGMENTS / SMALLEST_SEGMENT) * SMALLEST_SEGMENT);
  return { size, count: Math.floor(budget / size) };
}

/** What a message of `octets` takes in the log, `commit` octets of it the frame of its commit, in whole pages. */
export function footprint(octets: number, commit = SHORT_COMMIT): number {
  return octets + Math.ceil(octets / CHUNK) * FRAME_HEAD + toPages(commit) + OUTCOME_ALLOWANCE;
}

/** The largest message, with a short envelope, that a space of `capacity` could hold. */
export function largestMessage(capacity: number): number {
  return Math.max(0, Math.floor(((capacity - SHORT_COMMIT - OUTCOME_ALLOWANCE) * CHUNK) / (CHUNK + FRAME_HEAD)) - FRAME_HEAD);
}

export type Space = {
  /** Octets of frames that may be live at once. */
  readonly capacity: number;
  /** How much of it one device may hold, so that it can't fill the spool for the others. */
  readonly share: number;
  /** How much of it all devices together may hold that are not known yet. */
  readonly shareOfNew: number;
  /** Octets held by messages and drafts, as footprints: in all, and for each device. */
  held: number;
  readonly heldBy: Map<string, number>;
};

const DEVICE_SHARE = 3 / 4;
const NEW_DEVICES_SHARE = 7 / 8;

export function createSpace(segmentSize: number, segments: number): Space {
  const capacity = Math.max(0, Math.floor((segments - RESERVED_SEGMENTS) * roomIn(segmentSize) * USABLE));
  return {
    capacity,
    share: Math.floor(capacity * DEVICE_SHARE),
    shareOfNew: Math.floor(capacity * NEW_DEVICES_SHARE),
    held: 0,
    heldBy: new Map(),
  };
}

/** Whether `octets` more for the device are within what there is, within its share, and within that of new devices if it is one; `now` in ms of running time. */
export function fits(space: Space, known: KnownDevices, device: string, octets: number, now: number): boolean {
  const held = space.held + octets;
  if (held > space.capacity || (space.heldBy.get(device) ?? 0) + octets > space.share) return false;
  if (held <= space.shareOfNew || known.isKnown(device, now)) return true;
  let heldByKnown = 0;
  for (const one of known.known(now)) heldByKnown += space.heldBy.get(one) ?? 0;
  return held - heldByKnown <= space.shareOfNew;
}

/** Holds `octets` more for the device, or fewer. */
export function hold(space: Space, device: string, octets: number): void {
  const held = (space.heldBy.get(device) ?? 0) + octets;
  space.held += octets;
  if (held > 0) space.heldBy.set(device, held);
  else space.heldBy.delete(device);
}

export function roomFor(space: Space, octets: number): 'yes' | 'not-now' | 'never' {
  const needed = footprint(octets);
  if (needed > space.share) return 'never';
  return space.held + needed > space.capacity ? 'not-now' : 'yes';
}
