// The spool directory as this relay's alone: made if it is not there, and locked.

import { mkdir } from 'node:fs/promises';
import { type FolderLock, lockFolder } from '../system/lock.ts';
import { codeOf } from '../system/problem.ts';
import type { Tell } from '../vocabulary/events.ts';
import { folderNotLocked, folderNotMade, folderTaken } from './trouble.ts';

// What file systems without Unix sockets answer, such as FAT.
const NO_SOCKETS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP']);

/**
 * Takes the folder; undefined where its file system takes no lock. Rejects with CannotStart, also when another relay
 * has it.
 */
export async function takeFolder(path: string, tell: Tell): Promise<FolderLock | undefined> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw folderNotMade(path, error);
  });
  const lock = await lockFolder(path).catch((error: unknown) => {
    if (!NO_SOCKETS.has(codeOf(error))) throw folderNotLocked(path, error);
    tell('fault', { where: `lock of ${path}: this file system takes no sockets, so nothing keeps a second relay out of it`, error });
    return undefined;
  });
  if (lock === 'taken') throw folderTaken(path);
  return lock;
}
