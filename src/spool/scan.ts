// Scanning: from the octets of a segment to its frames, and to the gaps between them. A bad frame costs no other:
// reading goes on at the next whole one.
//
// The frames of a group stand back to back, the rest of its last page is padding, and the next group begins on the next
// page. Whatever else stands between two frames is a gap; so a single frame that went bad is noticed wherever on its
// page it stood.

import { FRAME_HEAD, looksLikeHead, type OpenedFrame, openFrame, PAGE, toPages } from './frame.ts';
import type { Place, Segment } from './segment.ts';

/** A stretch, in octets of the file, in which no whole frame stands though one should. */
export type Gap = { readonly from: number; readonly to: number };

/** What was found in a segment, as offsets in octets. */
export type Scan = {
  readonly gaps: readonly Gap[];
  /** All before this was synced, as far as the frames say. */
  readonly synced: number;
  /** Where the last group ends. */
  readonly end: number;
};

/** Gives each whole frame of the segment to `visit`, in order, and sets where the segment ends. */
export async function scan(segment: Segment, visit: (frame: OpenedFrame, place: Place) => void): Promise<Scan> {
  const octets = await segment.readAll();
  const gaps: Gap[] = [];
  let synced = PAGE;
  let lastEnd = PAGE; // of the last whole frame
  for (let next = findFrame(octets, lastEnd, segment.seed); next !== undefined; next = findFrame(octets, lastEnd, segment.seed)) {
    const { frame, at } = next;
    const from = at === lastEnd ? lastEnd : groupEnd(octets, lastEnd, segment.padding);
    if (at > from) gaps.push({ from, to: at });
    synced = Math.max(synced, frame.durablePages * PAGE);
    const size = FRAME_HEAD + frame.payload.length;
    visit(frame, { segment, at, size });
    lastEnd = at + size;
  }
  const end = toPages(lastEnd);
  if (groupEnd(octets, lastEnd, segment.padding) < end) gaps.push({ from: lastEnd, to: end });
  const [first] = gaps;
  segment.foundEnds(end, first === undefined ? end : first.from - (first.from % PAGE));
  return { gaps, synced, end };
}

/** Whether any frame of this generation stands in the segment. */
export async function hasFrames(segment: Segment): Promise<boolean> {
  return findFrame(await segment.readAll(), PAGE, segment.seed) !== undefined;
}

/**
 * Where the group whose last frame ends at `end` is over: at the next page if only padding stands before it,
 * otherwise at `end`.
 */
function groupEnd(octets: Buffer, end: number, padding: number): number {
  const rest = octets.subarray(end, toPages(end));
  return rest.equals(Buffer.alloc(rest.length, padding)) ? toPages(end) : end;
}

/**
 * The first whole frame at or after `from`. Mostly it stands just there. After a bad one every octet is tried, because
 * the commit behind a broken body shows which message was lost. No sender can forge a frame in a message's text: the
 * CRC depends on the segment's nonce.
 */
function findFrame(octets: Buffer, from: number, seed: number): { frame: OpenedFrame; at: number } | undefined {
  for (let at = from; at + FRAME_HEAD <= octets.length; at++) {
    if (!looksLikeHead(octets, at)) continue;
    const frame = openFrame(octets, at, seed);
    if (frame !== undefined) return { frame, at };
  }
  return undefined;
}
