// A disk that loses power. What was synced stays; of what was not, each 4 KiB page may be new, old, zero-filled or torn
// at 512 octets, and each change of the directory may have happened or not. It can also be made to fail at any
// operation. It keeps the contract of disks (test/contracts/disk.ts).

import type { Disk, DiskFile } from '../../../src/system/disk.ts';
import type { SeededRandom } from './random.ts';

const PAGE = 4096;
const SECTOR = 512;

/** `lost`: pages that a failed sync has left clean in memory, though they never reached the disk. */
type Inode = { durable: Buffer; current: Buffer; dirty: Set<number>; lost: Set<number> };

type Operation = 'writev' | 'datasync' | 'create' | 'syncDirectory' | 'read';

export type PowerLosingDisk = Disk & {
  /** The disk as it may be after a power cut right now. Every later operation of the old one rejects. */
  crash(random: SeededRandom): PowerLosingDisk;
  /** The files as they may be after a power cut right now; the disk itself goes on. */
  remains(random: SeededRandom): ReadonlyMap<string, Buffer>;
  /** The disk as another process finds it when this one was killed: all that was written is there. */
  kill(): PowerLosingDisk;
  /** Called before each operation, which rejects with what this throws. */
  onOperation: (operation: Operation, name: string) => void;
  /** Octets of the file as a reader sees them. */
  contents(name: string): Buffer;
  /** Changes octets as a fault of the flash does: at once, and on the flash. */
  damage(name: string, at: number, octets: Buffer): void;
  readonly synced: { count: number; octets: number };
};

export function powerLosingDisk(initial: ReadonlyMap<string, Buffer> = new Map()): PowerLosingDisk {
  const durableNames = new Map<string, Inode>();
  for (const [name, octets] of initial)
    durableNames.set(name, { durable: Buffer.from(octets), current: Buffer.from(octets), dirty: new Set(), lost: new Set() });
  const names = new Map(durableNames);
  let isDead = false;
  const synced = { count: 0, octets: 0 };

  const operate = async (operation: Operation, name: string) => {
    await undefined;
    if (isDead) throw Object.assign(new Error('the disk has no power'), { code: 'EIO' });
    self.onOperation(operation, name);
  };

  const file = (inode: Inode, name: string): DiskFile => ({
    isAt: async (at) => names.get(at) === inode,
    size: async () => inode.current.length,
    async read(into, at) {
      await operate('read', name);
      const end = Math.min(inode.current.length, at + into.length);
      return at < end ? inode.current.copy(into, 0, at, end) : 0;
    },
    async writev(buffers, at) {
      await operate('writev', name);
      const octets = Buffer.concat(buffers);
      const end = at + octets.length;
      if (end > inode.current.length) inode.current = Buffer.concat([inode.current, Buffer.alloc(end - inode.current.length)]);
      octets.copy(inode.current, at);
      for (let page = Math.floor(at / PAGE); page * PAGE < end; page++) {
        inode.dirty.add(page);
        inode.lost.delete(page);
      }
    },
    async datasync() {
      // Pages written while the sync is under way are not covered by it.
      const pages = [...inode.dirty];
      const snapshot = Buffer.from(inode.current);
      try {
        await operate('datasync', name);
      } catch (error) {
        // As on Linux: the error is reported once, and the pages count as clean from then on.
        for (const page of pages) {
          inode.dirty.delete(page);
          inode.lost.add(page);
        }
        throw error;
      }
      synced.count += 1;
      if (inode.durable.length < snapshot.length)
        inode.durable = Buffer.concat([inode.durable, Buffer.alloc(snapshot.length - inode.durable.length)]);
      for (const page of pages) {
        snapshot.copy(inode.durable, page * PAGE, page * PAGE, (page + 1) * PAGE);
        synced.octets += PAGE;
        if (inode.current.subarray(page * PAGE, (page + 1) * PAGE).equals(snapshot.subarray(page * PAGE, (page + 1) * PAGE)))
          inode.dirty.delete(page);
      }
    },
    close: async () => {},
  });

  const found = (name: string): Inode => {
    const inode = names.get(name);
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' });
    return inode;
  };

  const self: PowerLosingDisk = {
    onOperation: () => {},
    synced,
    async open(name) {
      return file(found(name), name);
    },
    async create(name) {
      await operate('create', name);
      if (names.has(name)) throw Object.assign(new Error(`EEXIST: ${name}`), { code: 'EEXIST' });
      const inode: Inode = { durable: Buffer.alloc(0), current: Buffer.alloc(0), dirty: new Set(), lost: new Set() };
      names.set(name, inode);
      return file(inode, name);
    },
    list: async () => [...names.keys()],
    async rename(from, to) {
      names.set(to, found(from));
      names.delete(from);
    },
    async remove(name) {
      found(name);
      names.delete(name);
    },
    async syncDirectory() {
      await operate('syncDirectory', '');
      durableNames.clear();
      for (const [name, inode] of names) durableNames.set(name, inode);
    },
    crash(random) {
      isDead = true;
      return powerLosingDisk(self.remains(random));
    },
    remains(random) {
      const after = new Map<string, Buffer>();
      for (const name of new Set([...durableNames.keys(), ...names.keys()])) {
        const before = durableNames.get(name);
        const now = names.get(name);
        const survivor = before === now || random.below(2) === 0 ? now : before;
        if (survivor !== undefined) after.set(name, remains(survivor, random));
      }
      return after;
    },
    kill() {
      isDead = true;
      return powerLosingDisk(new Map([...names].map(([name, inode]) => [name, inode.current])));
    },
    contents: (name) => found(name).current,
    damage(name, at, octets) {
      const inode = found(name);
      octets.copy(inode.current, at);
      octets.copy(inode.durable, at);
    },
  };
  return self;
}

/** What a file holds after the power went. */
function remains(inode: Inode, random: SeededRandom): Buffer {
  const isGrown = inode.current.length > inode.durable.length && random.below(2) === 0;
  const after = Buffer.alloc(isGrown ? inode.current.length : inode.durable.length);
  inode.durable.copy(after);
  for (const page of [...inode.dirty, ...inode.lost]) {
    const from = page * PAGE;
    if (from >= after.length) continue;
    const fate = random.below(4);
    if (fate === 0) inode.current.copy(after, from, from, from + PAGE);
    else if (fate === 1) after.fill(0, from, from + PAGE);
    else if (fate === 2)
      for (let at = from; at < from + PAGE; at += SECTOR) if (random.below(2) === 0) inode.current.copy(after, at, at, at + SECTOR);
  }
  return after;
}
