// The files in the folder: each segment opened and its header read, and what stands under a segment's name
// without being one. Reads, never writes.

import { type Disk, NotAFile } from '../system/disk.ts';
import { PAGE } from './frame.ts';
import { blankSegment, decodeHeader, frameLimit, type Header, isSegmentName, PADDING, readWhatCan, type Segment } from './segment.ts';

export type Life = {
  readonly segment: Segment;
  readonly header: Header;
  /** Octets of the file; fewer than the header says when it was cut off. */
  readonly octets: number;
};

export type Files = {
  /** Oldest first. */
  readonly lives: readonly Life[];
  /** Files without a header that can be read: never used, torn before anything in them was believed, or damaged. */
  readonly headless: readonly Segment[];
  /** What could not be opened under a segment's name, or is no file. It is left alone. */
  readonly unusable: readonly { readonly name: string; readonly error: unknown }[];
};

// These speak of the whole system, not of a file: the start fails, and the next may do better.
const OF_THE_SYSTEM: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EROFS']);

/** Opens all segments. Throws NewerFormat, and what the disk throws when the fault is not a file's. */
export async function openSegments(disk: Disk): Promise<Files> {
  const lives: Life[] = [];
  const headless: Segment[] = [];
  const unusable: { name: string; error: unknown }[] = [];
  for (const name of (await disk.list()).filter(isSegmentName).sort()) {
    const segment = await openSegment(disk, name).catch((error: unknown) => {
      if (OF_THE_SYSTEM.has((error as { code?: unknown }).code)) throw error;
      unusable.push({ name, error });
      return undefined;
    });
    if (segment === undefined) continue;
    const octets = segment.size;
    const header = await readHeader(segment);
    if (header === undefined) {
      headless.push(segment);
      continue;
    }
    const { generation, seed, size } = header;
    const padding = header.isListed ? PADDING : 0;
    lives.push({ segment: { ...segment, generation, seed, size, padding }, header, octets });
  }
  return { lives: lives.sort((one, other) => one.header.generation - other.header.generation), headless, unusable };
}

async function openSegment(disk: Disk, name: string): Promise<Segment> {
  const file = await disk.open(name);
  return blankSegment(name, file, await file.size());
}

async function readHeader(segment: Segment): Promise<Header | undefined> {
  const page = Buffer.alloc(PAGE);
  for (const at of [0, frameLimit(segment)]) {
    if (at < 0 || (await readWhatCan(segment.file, page, at)) < PAGE) continue;
    const header = decodeHeader(page);
    if (header !== undefined) return header;
  }
  return undefined;
}

/** A clause that says why what stands under a segment's name is not used. */
export function describeUnusable(error: unknown): string {
  if (error instanceof NotAFile) return error.message;
  return `the file can't be opened: ${error instanceof Error ? error.message : String(error)}`;
}
