// The manifest: the one file beside the segments. It lists the lives that must be there, so that a
// segment that is gone, or a folder whose segments are all gone, does not look as if it had never held
// mail.
//
// A life is listed once its header is on the flash, and before its first frame is written. It is taken
// off the list before its file is written over, renamed or removed. So a listed life that is not there
// is damage, and one that is not listed is over, whatever still stands in its file.
//
// There are two pages, written in turn, each with a whole list: a torn write leaves the list before it.

import type { Disk, DiskFile } from '../system/disk.ts';
import { crc32c } from './crc32c.ts';
import { PAGE, readNumber, writeNumber } from './frame.ts';
import { NewerFormat } from './segment.ts';

export const MANIFEST = 'spool.manifest';

export type ListedLife = { readonly generation: number; readonly name: string };

export type Lives = {
  /** The highest generation that was begun so far: one up to it that is not listed is over. */
  readonly newest: number;
  /** The highest generation that a release without manifest has begun, as far as is known: one of its that is higher was begun since, and nobody listed it. */
  readonly newestOfOlder: number;
  /** Those that must be there. */
  readonly lives: readonly ListedLife[];
  /** Generations that once were missing, the latest only: if one turns up after all, it is not over. */
  readonly missing: readonly number[];
};

/** What stands in the manifest's place. `problem` is a clause for people. */
export type FoundManifest =
  | { readonly state: 'read'; readonly sequence: number; readonly listed: Lives }
  | { readonly state: 'absent' }
  | { readonly state: 'unreadable'; readonly problem: string };

const MAGIC = Buffer.from('MANIFEST');
const VERSION = 1;
const JSON_AT = 24;
/** More of them have no place in the page, and nobody waits for so many to come back. */
export const MOST_MISSING = 64;

// A page: u32 CRC of the rest | magic 8 | u16 version | u16 octets of JSON | u64 sequence | Lives as JSON, each life as [generation, name]
function encodePage(sequence: number, { lives, ...rest }: Lives): Buffer {
  const json = Buffer.from(JSON.stringify({ ...rest, lives: lives.map(({ generation, name }) => [generation, name]) }));
  if (json.length > PAGE - JSON_AT) throw new Error(`the spool's manifest takes ${json.length} octets, more than ${PAGE - JSON_AT}`);
  const page = Buffer.alloc(PAGE);
  MAGIC.copy(page, 4);
  page.writeUInt16LE(VERSION, 12);
  page.writeUInt16LE(json.length, 14);
  writeNumber(page, sequence, 16);
  json.copy(page, JSON_AT);
  page.writeUInt32LE(crc32c(page.subarray(4)), 0);
  return page;
}

function decodePage(page: Buffer): { readonly sequence: number; readonly listed: Lives } | undefined {
  if (!page.subarray(4, 12).equals(MAGIC) || crc32c(page.subarray(4)) !== page.readUInt32LE(0)) return undefined;
  const version = page.readUInt16LE(12);
  if (version > VERSION) throw new NewerFormat(version);
  const { lives, ...rest } = JSON.parse(page.toString('utf8', JSON_AT, JSON_AT + page.readUInt16LE(14))) as Omit<Lives, 'lives'> & {
    lives: [number, string][];
  };
  return { sequence: readNumber(page, 16), listed: { ...rest, lives: lives.map(([generation, name]) => ({ generation, name })) } };
}

/** Reads the newer of the two lists. Throws NewerFormat, and what keeps this user from reading it: that is for its owner to mend. */
export async function readManifest(disk: Disk): Promise<FoundManifest> {
  const pages = Buffer.alloc(2 * PAGE);
  try {
    const file = await disk.open(MANIFEST);
    try {
      await file.read(pages, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ENOENT') return { state: 'absent' };
    if (code === 'EACCES' || code === 'EPERM') throw error;
    return { state: 'unreadable', problem: error instanceof Error ? error.message : String(error) };
  }
  const [one, other] = [decodePage(pages.subarray(0, PAGE)), decodePage(pages.subarray(PAGE))];
  const newer = one === undefined || (other !== undefined && other.sequence > one.sequence) ? other : one;
  return newer === undefined ? { state: 'unreadable', problem: 'neither of its pages is whole' } : { state: 'read', ...newer };
}

export interface Manifest {
  /** Whether a list that may be on the flash says that this life must be there. */
  mayName(generation: number): boolean;
  /** Puts a new list on the flash; the octets that were written for it. After a rejection either list may be there. */
  write(listed: Lives): Promise<number>;
  close(): Promise<void>;
}

/**
 * The manifest of `disk` as it was found, for writing. A list that was only written by a process that
 * was killed is synced, since it may be acted on. What can't be read is set aside, so that somebody can
 * look at it, and the first write makes a new file; so does the first write after one that failed,
 * because a failed sync is never retried.
 */
export async function openManifest(disk: Disk, found: FoundManifest): Promise<Manifest> {
  let sequence = found.state === 'read' ? found.sequence : 0;
  let named = new Set(found.state === 'read' ? found.listed.lives.map(({ generation }) => generation) : []);
  let isUnreadable = found.state === 'unreadable';
  let file: DiskFile | undefined;
  if (found.state === 'read') {
    file = await disk.open(MANIFEST);
    await file.datasync();
  }

  async function writeInto(old: DiskFile, page: Buffer): Promise<number> {
    try {
      await old.writev([page], (sequence % 2) * PAGE);
      await old.datasync();
    } catch (error) {
      file = undefined;
      await old.close();
      throw error;
    }
    return PAGE;
  }

  return {
    mayName: (generation) => named.has(generation),
    async write(listed) {
      const generations = listed.lives.map(({ generation }) => generation);
      sequence += 1;
      const page = encodePage(sequence, listed);
      for (const generation of generations) named.add(generation);
      if (isUnreadable) await disk.rename(MANIFEST, freeName(await disk.list(), `${MANIFEST}.damaged`));
      isUnreadable = false;
      const octets = file === undefined ? 2 * PAGE : await writeInto(file, page);
      file ??= await makeFile(disk, sequence % 2 === 0 ? [page, ZERO_PAGE] : [ZERO_PAGE, page]);
      named = new Set(generations);
      return octets;
    },
    async close() {
      await file?.close();
    },
  };
}

const ZERO_PAGE = Buffer.alloc(PAGE);

/** The manifest as a new file that takes the place of an old one, or of none, all at once. */
async function makeFile(disk: Disk, pages: readonly Buffer[]): Promise<DiskFile> {
  const there = await disk.list();
  const name = `${MANIFEST}.new`;
  // What a power cut has left of an earlier try. If it can't go, because it is no file, another name will do.
  if (there.includes(name)) await disk.remove(name).catch(() => {});
  const free = freeName(await disk.list(), name);
  const file = await disk.create(free);
  try {
    await file.writev(pages, 0);
    await file.datasync();
    await disk.rename(free, MANIFEST);
    await disk.syncDirectory();
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

/** `name`, or the first of `name-1`, `name-2` ... that nothing stands under. */
function freeName(there: readonly string[], name: string): string {
  let free = name;
  for (let number = 1; there.includes(free); number++) free = `${name}-${number}`;
  return free;
}
