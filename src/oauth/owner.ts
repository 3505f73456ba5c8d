// Commands are often run by root, and the relay by another user: what root makes in the folder belongs to that user,
// who could neither read nor lock it otherwise.

import { chown, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Disk, openDisk } from '../system/disk.ts';

/** Gives a file of the folder to whom the folder belongs. Does nothing unless this process is root's. */
export type GiveAway = (name: string) => Promise<void>;

/**
 * The folder, made if it is missing, and given to the owner of the one that it is in, which must be there. Rejects with
 * Node's error.
 */
export async function openOwned(folder: string): Promise<{ readonly disk: Disk; readonly giveAway: GiveAway }> {
  const { uid, gid } = await stat(dirname(folder));
  const disk = await openDisk(folder);
  if (process.geteuid?.() !== 0) return { disk, giveAway: async () => {} };
  await chown(folder, uid, gid);
  const giveAway: GiveAway = (name) => chown(join(folder, name), uid, gid);
  const create: Disk['create'] = async (name) => {
    const file = await disk.create(name);
    await giveAway(name);
    return file;
  };
  return { disk: { ...disk, create }, giveAway };
}
