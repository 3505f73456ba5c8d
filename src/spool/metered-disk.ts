// A disk that counts what is written to it: the octets of each write and each sync of a file, once they have
// succeeded. Syncs of the folder are not counted; they come with few files.

import type { Disk, DiskFile } from '../system/disk.ts';
import type { FlashMeter } from './flash.ts';

/** `disk`, every write and sync of whose files is counted in `meter`. */
export function meteredDisk(disk: Disk, meter: FlashMeter): Disk {
  return {
    open: async (name) => meteredFile(await disk.open(name), meter),
    create: async (name) => meteredFile(await disk.create(name), meter),
    list: () => disk.list(),
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    syncDirectory: () => disk.syncDirectory(),
  };
}

function meteredFile(file: DiskFile, meter: FlashMeter): DiskFile {
  return {
    isAt: (name) => file.isAt(name),
    size: () => file.size(),
    read: (into, at) => file.read(into, at),
    async writev(buffers, at) {
      await file.writev(buffers, at);
      meter.wrote(buffers.reduce((octets, buffer) => octets + buffer.length, 0));
    },
    async datasync() {
      await file.datasync();
      meter.synced();
    },
    close: () => file.close(),
  };
}
