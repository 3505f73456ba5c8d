// The disk as the spool needs it: files with positioned reads, gathered writes and datasync, and a folder that can
// be synced. Tests replace it with a disk that loses power. Nothing here retries. All that waits rejects with
// Node's error.

import { constants, type Stats, type StatsBase } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './problem.ts';

/** An open file. */
export interface DiskFile {
  /**
   * Whether `name`, in the folder from which it was opened, is still this file: false once it was removed or replaced.
   */
  isAt(name: string): Promise<boolean>;
  /** Octets in the file. */
  size(): Promise<number>;
  /** Reads into `into` from octet `at`; the count is short only at the end of the file. */
  read(into: Uint8Array, at: number): Promise<number>;
  /** Writes all of `buffers`, in order, from octet `at`; rejects if any octet could not be written. */
  writev(buffers: readonly Uint8Array[], at: number): Promise<void>;
  /**
   * fdatasync(2). After a rejection nothing is known of what was written since the last success: pages may be lost
   * though a later sync succeeds.
   */
  datasync(): Promise<void>;
  /** Closes the file. What was not synced may still be lost. */
  close(): Promise<void>;
}

/** The name belongs to something that is no file. The message is a clause that says to what. */
export class NotAFile extends Error {
  override readonly name = 'NotAFile';
  /** `found`: what lstat(2) has for the name. */
  constructor(found: Stats) {
    super(`${kindOf(found)} stands in its place`);
  }
}

/** What lstat(2) found, for people, with its article. */
export function kindOf(found: StatsBase<number | bigint>): string {
  if (found.isFile()) return 'a file';
  if (found.isDirectory()) return 'a folder';
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isFIFO()) return 'a pipe';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

/**
 * One folder; names are plain file names in it. What is created, renamed or removed is so after a power cut only
 * once the folder was synced.
 */
export interface Disk {
  /**
   * Opens a file to read and write. Rejects with NotAFile where the name is no file's; never waits for the other
   * end of a pipe.
   */
  open(name: string): Promise<DiskFile>;
  /** Makes an empty file, which only its owner can read. Rejects if the name is taken. */
  create(name: string): Promise<DiskFile>;
  /** The names in the folder, whatever they belong to, in no order. */
  list(): Promise<readonly string[]>;
  /** Gives a file another name, in one step (rename(2)); a file that had that name already is replaced. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. Rejects when there is none. */
  remove(name: string): Promise<void>;
  /** fsync(2) of the folder. */
  syncDirectory(): Promise<void>;
}

/** The folder `path` of the file system, made if it is missing, for its owner alone. */
export async function openDisk(path: string): Promise<Disk> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return {
    open: (name) => openFile(path, name, constants.O_RDWR),
    create: async (name) => diskFile(path, await open(join(path, name), constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)),
    list: () => readdir(path),
    rename: (from, to) => rename(join(path, from), join(path, to)),
    remove: (name) => unlink(join(path, name)),
    async syncDirectory() {
      const directory = await open(path, constants.O_RDONLY);
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
  };
}

/**
 * The folder `path` for reading only: whatever would change it rejects, and so do its files' writes. It is not
 * made, and may be missing.
 */
export function openDiskReadOnly(path: string): Disk {
  const refuse = () => Promise.reject(new Error('this disk is for reading only'));
  return {
    open: (name) => openFile(path, name, constants.O_RDONLY),
    create: refuse,
    list: () => readdir(path),
    rename: refuse,
    remove: refuse,
    syncDirectory: refuse,
  };
}

/**
 * Looks at the name first: to open a device may have effects. A link or pipe that takes the file's place meanwhile
 * is neither followed nor waited for.
 */
async function openFile(folder: string, name: string, mode: number): Promise<DiskFile> {
  const path = join(folder, name);
  const found = await lstat(path);
  if (!found.isFile()) throw new NotAFile(found);
  return diskFile(folder, await open(path, mode | constants.O_NOFOLLOW | constants.O_NONBLOCK));
}

function diskFile(folder: string, handle: FileHandle): DiskFile {
  return {
    async isAt(name) {
      try {
        const [there, own] = await Promise.all([lstat(join(folder, name), { bigint: true }), handle.stat({ bigint: true })]);
        return there.ino === own.ino && there.dev === own.dev;
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false;
        throw error;
      }
    },
    size: async () => (await handle.stat()).size,
    async read(into, at) {
      let filled = 0;
      while (filled < into.length) {
        const { bytesRead } = await handle.read(into, filled, into.length - filled, at + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    },
    async writev(buffers, at) {
      let rest = without(buffers, 0);
      let position = at;
      while (rest.length > 0) {
        const { bytesWritten } = await handle.writev(rest as Uint8Array[], position);
        if (bytesWritten === 0) throw new Error('the disk took no octets');
        position += bytesWritten;
        rest = without(rest, bytesWritten);
      }
    },
    datasync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

/** `buffers` without their first `octets`: what a short write has left to do. */
function without(buffers: readonly Uint8Array[], octets: number): readonly Uint8Array[] {
  let skip = octets;
  let first = 0;
  for (const buffer of buffers) {
    if (skip < buffer.length) break;
    skip -= buffer.length;
    first += 1;
  }
  const [cut, ...rest] = buffers.slice(first);
  return cut === undefined ? [] : [cut.subarray(skip), ...rest];
}
