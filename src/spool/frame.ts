// Frames: what the log is made of. Pure. A frame is a 32-octet head and a payload:
//
//   0  u32 CRC-32C of all that follows, seeded by the segment's life    16  u64 message number
//   4  u32 octets of payload                                            24  u64 position
//   8  u8  kind, u8 and u16 zero                                        32  payload
//  12  u32 pages of this segment that were known to be on the flash when the frame was sealed
//
// All numbers little-endian. The seed comes from the segment's nonce and generation, so that what a
// recycled segment still holds of its former life never reads as valid.

import { crc32c } from './crc32c.ts';

/**
 * - `body`: a piece of a message; position is its offset in octets.
 * - `commit`: makes the message exist; payload is its CommitRecord, position the octets of the whole body.
 * - `outcome`: what is settled so far; payload is an OutcomeRecord, position counts them, the highest holds.
 * - `done`: the message is gone; position is the running time in ms (0 in those of older releases). Outlives its body, since segments return oldest first.
 * - `facts`: the spool's Facts changed since the segment's header was written; number 0.
 */
export type FrameKind = 'body' | 'commit' | 'outcome' | 'done' | 'facts';

const KINDS: readonly FrameKind[] = ['body', 'commit', 'outcome', 'done', 'facts'];

export type Frame = {
  readonly kind: FrameKind;
  readonly number: number;
  readonly position: number;
  readonly payload: readonly Uint8Array[];
};
export type OpenedFrame = {
  readonly kind: FrameKind;
  readonly number: number;
  readonly position: number;
  readonly payload: Buffer;
  readonly durablePages: number;
};

export const FRAME_HEAD = 32;
export const PAGE = 4096;

/** Octets that the frame takes in a segment. */
export function frameSize(frame: Frame): number {
  let size = FRAME_HEAD;
  for (const slice of frame.payload) size += slice.length;
  return size;
}

/** The sealed frame as slices for one gathered write; the payload is not copied. */
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

/** Whether a head may stand at `at`: a quick look before the CRC is worked out. */
export function looksLikeHead(octets: Buffer, at: number): boolean {
  const kind = octets[at + 8] ?? 0;
  return kind >= 1 && kind <= KINDS.length && octets[at + 9] === 0 && octets[at + 10] === 0 && octets[at + 11] === 0;
}

/** The frame at `at`, or undefined if what stands there is not one that this life of the segment sealed whole. */
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

/** Writes a whole number up to 2^53 as u64. */
export function writeNumber(into: Buffer, value: number, at: number): void {
  into.writeUInt32LE(value % 2 ** 32, at);
  into.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

export function readNumber(from: Buffer, at: number): number {
  return from.readUInt32LE(at) + from.readUInt32LE(at + 4) * 2 ** 32;
}

/** `octets` rounded up to whole pages. */
export function toPages(octets: number): number {
  return Math.ceil(octets / PAGE) * PAGE;
}
