// Frames: what the log is made of. Pure. A frame is a 32-octet head and a payload:
//
//   0  u32 CRC-32C of all that follows, from the segment's seed on     16  u64 message number
//   4  u32 octets of payload                                            24  u64 position
//   8  u8  kind, u8 and u16 zero                                        32  payload
//  12  u32 pages of this segment that were known to be on the flash when the frame was sealed
//
// All numbers are little-endian. The seed is made of the segment's generation and nonce, so that what a segment still
// holds of an earlier generation never reads as valid.
//
// test/spool/mutants.test.ts quotes a passage of this file.

import { crc32c } from './crc32c.ts';

/**
 * - `body`: a piece of a message; the position is its offset in octets.
 * - `commit`: makes the message exist; the payload is its CommitRecord, the position the octets of the whole body.
 * - `outcome`: which recipients are settled so far; the payload is an OutcomeRecord. The position counts the outcomes
 *   of a message, and the one with the highest holds.
 * - `done`: the message is gone; the position is the running time in ms (0 in those of older releases). It outlives the
 *   body of the message, since segments come free oldest first.
 * - `facts`: the spool's Facts have changed since the segment's header was written; its number is 0.
 */
export type FrameKind = 'body' | 'commit' | 'outcome' | 'done' | 'facts';

const KINDS: readonly FrameKind[] = ['body', 'commit', 'outcome', 'done', 'facts'];

/** A frame to be written: `number` is the message's, `position` depends on the kind, `payload` is in slices. */
export type Frame = {
  readonly kind: FrameKind;
  readonly number: number;
  readonly position: number;
  readonly payload: readonly Uint8Array[];
};

/** A frame as it was read; so many pages of its segment were known to be on the flash when it was sealed. */
export type OpenedFrame = {
  readonly kind: FrameKind;
  readonly number: number;
  readonly position: number;
  readonly payload: Buffer;
  readonly durablePages: number;
};

/** Octets of a frame's head. */
export const FRAME_HEAD = 32;
/** Octets of a page, the unit in which the flash is written. */
export const PAGE = 4096;

/** Octets that the frame takes in a segment. */
export function frameSize(frame: Frame): number {
  let size = FRAME_HEAD;
  for (const slice of frame.payload) size += slice.length;
  return size;
}

/** The frame with its CRC, which starts from `seed`, as slices for one gathered write; the payload is not copied. */
export function sealFrame(frame: Frame, seed: number, durablePages: number): readonly Uint8Array[] {
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUInt32LE(frameSize(frame) - FRAME_HEAD, 4);
  head.writeUInt8(KINDS.indexOf(frame.kind) + 1, 8);
  head.writeUInt32LE(durablePages, 12);
  writeNumber(head, frame.number, 16);
  writeNumber(head, frame.position, 24);
  let crc = crc32c(head.subarray(4), seed);
  for (const slice of frame.payload) crc = crc32c(slice, crc);
  head.writeUInt32LE(crc, 0);
  return [head, ...frame.payload];
}

/** Whether a head may stand at `at`: a quick test before the CRC is computed. */
export function looksLikeHead(octets: Buffer, at: number): boolean {
  const kind = octets[at + 8] ?? 0;
  return kind >= 1 && kind <= KINDS.length && octets[at + 9] === 0 && octets[at + 10] === 0 && octets[at + 11] === 0;
}

/** The frame at `at`; undefined if what stands there is not a whole frame whose CRC starts from `seed`. */
export function openFrame(octets: Buffer, at: number, seed: number): OpenedFrame | undefined {
  if (at + FRAME_HEAD > octets.length) return undefined;
  const end = at + FRAME_HEAD + octets.readUInt32LE(at + 4);
  const kind = KINDS[octets.readUInt8(at + 8) - 1];
  if (kind === undefined || end > octets.length) return undefined;
  if (crc32c(octets.subarray(at + 4, end), seed) !== octets.readUInt32LE(at)) return undefined;
  return {
    kind,
    number: readNumber(octets, at + 16),
    position: readNumber(octets, at + 24),
    payload: octets.subarray(at + FRAME_HEAD, end),
    durablePages: octets.readUInt32LE(at + 12),
  };
}

/** Writes a whole number below 2^53 as u64, little-endian. */
export function writeNumber(into: Buffer, value: number, at: number): void {
  into.writeUInt32LE(value % 2 ** 32, at);
  into.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

/** Reads a u64, little-endian; exact below 2^53. */
export function readNumber(from: Buffer, at: number): number {
  return from.readUInt32LE(at) + from.readUInt32LE(at + 4) * 2 ** 32;
}

/** `octets` rounded up to whole pages. */
export function toPages(octets: number): number {
  return Math.ceil(octets / PAGE) * PAGE;
}
