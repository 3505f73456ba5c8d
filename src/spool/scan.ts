// Scanning: from the octets of a segment to its frames, and to the gaps between them. A bad frame costs no
// other: reading goes on at the next whole one.
//
// The frames of a group stand back to back, the rest of its last page is padding, and the next group begins
// on the next page. Whatever else stands between two frames is a gap; so a single frame that went bad is
// noticed wherever on its page it stood.

import { FRAME_HEAD, looksLikeHead, type OpenedFrame, openFrame, PAGE, toPages } from './frame.ts';
import { frameLimit, type Place, readWhatCan, type Segment } from './segment.ts';

/** A stretch, in octets, in which no whole frame stands though one should. */
export type Gap = { readonly from: number; readonly to: number };
export type Scan = {
  readonly gaps: readonly Gap[];
  /** All before this was synced, as far as the frames tell. */
  readonly synced: number;
};

/** Gives each whole frame of the segment to `visit`, and sets where the segment ends. */
export async function scan(segment: Segment, visit: (frame: OpenedFrame, place: Place) => void): Promise<Scan> {
  const octets = await readFrames(segment);
  const gaps: Gap[] = [];
  let synced = PAGE;
  let end = PAGE; // of the last whole frame
  for (let next = findFrame(octets, end, segment.seed); next !== undefined; next = findFrame(octets, end, segment.seed)) {
    const { frame, at } = next;
    const from = at === end ? end : groupEnd(octets, end, segment.padding);
    if (at > from) gaps.push({ from, to: at });
    synced = Math.max(synced, frame.durablePages * PAGE);
    const size = FRAME_HEAD + frame.payload.length;
    visit(frame, { segment, at, size });
    end = at + size;
  }
  segment.end = toPages(end);
  if (groupEnd(octets, end, segment.padding) < segment.end) gaps.push({ from: end, to: segment.end });
  const [first] = gaps;
  segment.durableEnd = first === undefined ? segment.end : first.from - (first.from % PAGE);
  return { gaps, synced };
}

/** Whether any frame of this life stands in the segment. */
export async function hasFrames(segment: Segment): Promise<boolean> {
  return findFrame(await readFrames(segment), PAGE, segment.seed) !== undefined;
}

async function readFrames(segment: Segment): Promise<Buffer> {
  const octets = Buffer.alloc(Math.max(0, frameLimit(segment)));
  const length = await readWhatCan(segment.file, octets, 0);
  return octets.subarray(0, length);
}

/** Where the group whose last frame ends at `end` gives way to the next: at the next page if only padding stands before it, otherwise here. */
function groupEnd(octets: Buffer, end: number, padding: number): number {
  const rest = octets.subarray(end, toPages(end));
  return rest.equals(Buffer.alloc(rest.length, padding)) ? toPages(end) : end;
}

/**
 * The first whole frame at or after `from`. Mostly it stands just there; after a bad one every octet is a
 * candidate, for the commit behind a broken body tells which message was lost. No one outside can forge
 * one in a message's text: the seal depends on the segment's nonce.
 */
function findFrame(octets: Buffer, from: number, seed: number): { frame: OpenedFrame; at: number } | undefined {
  for (let at = from; at + FRAME_HEAD <= octets.length; at++) {
    if (!looksLikeHead(octets, at)) continue;
    const frame = openFrame(octets, at, seed);
    if (frame !== undefined) return { frame, at };
  }
  return undefined;
}
