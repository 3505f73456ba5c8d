// The files in the folder: each segment opened and its header read, and what stands under a segment's name without
// being one. Reads, never writes.

import { type Disk, type DiskFile, NotAFile } from '../system/disk.ts';
import { PAGE } from './frame.ts';
import { decodeHeader, type Header } from './header.ts';
import { isSegmentName, readWhatCan, Segment } from './segment.ts';

/** A generation of a segment, as its header says; whether it holds is judged in generations.ts. */
export type Generation = {
  readonly segment: Segment;
  readonly header: Header;
  /** Octets of the file; fewer than the header says when it was cut off. */
  readonly octets: number;
};

/** What stands under segments' names. */
export type Files = {
  /** Oldest first. */
  readonly generations: readonly Generation[];
  /** Files without a header that can be read: never used, torn while a generation began, or damaged. */
  readonly headless: readonly Segment[];
  /** What could not be opened, or is no file. It is left alone. */
  readonly unusable: readonly { readonly name: string; readonly error: unknown }[];
};

// These errors concern the whole system, not one file: the start fails, and the next may succeed.
const OF_THE_SYSTEM: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EROFS']);

/** Opens all segments. Throws NewerFormat, and what the disk throws when the cause is not one file. */
export async function openSegments(disk: Disk): Promise<Files> {
  const generations: Generation[] = [];
  const headless: Segment[] = [];
  const unusable: { name: string; error: unknown }[] = [];
  for (const name of (await disk.list()).filter(isSegmentName).sort()) {
    const opened = await openFile(disk, name).catch((error: unknown) => {
      if (OF_THE_SYSTEM.has((error as { code?: unknown }).code)) throw error;
      unusable.push({ name, error });
      return undefined;
    });
    if (opened === undefined) continue;
    const { file, octets } = opened;
    const header = await readHeader(file, octets);
    if (header === undefined) headless.push(new Segment(name, file, octets));
    else generations.push({ segment: Segment.inGeneration(name, file, header), header, octets });
  }
  return { generations: generations.sort((one, other) => one.header.generation - other.header.generation), headless, unusable };
}

async function openFile(disk: Disk, name: string): Promise<{ readonly file: DiskFile; readonly octets: number }> {
  const file = await disk.open(name);
  return { file, octets: await file.size() };
}

async function readHeader(file: DiskFile, octets: number): Promise<Header | undefined> {
  const page = Buffer.alloc(PAGE);
  for (const at of [0, octets - PAGE]) {
    if (at < 0 || (await readWhatCan(file, page, at)) < PAGE) continue;
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
