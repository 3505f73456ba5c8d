// What every `Disk` must do, whether it is a folder or a fake (src/system/disk.ts).

import { describe, expect, test } from 'vitest';
import type { Disk, DiskFile } from '../../src/system/disk.ts';

async function contents(file: DiskFile): Promise<string> {
  const octets = Buffer.alloc(await file.size());
  expect(await file.read(octets, 0)).toBe(octets.length);
  return octets.toString('latin1');
}

async function fileWith(disk: Disk, name: string, text: string): Promise<DiskFile> {
  const file = await disk.create(name);
  await file.writev([Buffer.from(text, 'latin1')], 0);
  return file;
}

/** Runs the contract; `make` gives an empty disk each time. */
export function diskContract(name: string, make: () => Promise<Disk>): void {
  describe(`the contract of a disk: ${name}`, () => {
    test('a file is made once, and opened afterwards', async () => {
      const disk = await make();
      await expect(disk.open('a')).rejects.toMatchObject({ code: 'ENOENT' });
      const made = await fileWith(disk, 'a', 'text');
      await expect(disk.create('a')).rejects.toMatchObject({ code: 'EEXIST' });
      const opened = await disk.open('a');
      expect(await contents(opened)).toBe('text');
      for (const file of [made, opened]) await file.close();
    });

    test('slices are written in order from the offset, and the file grows as needed', async () => {
      const disk = await make();
      const file = await disk.create('a');
      expect(await file.size()).toBe(0);
      await file.writev([Buffer.from('ab'), Buffer.from(''), Buffer.from('c')], 2);
      expect(await contents(file)).toBe('\0\0abc');
      await file.writev([Buffer.from('X')], 3);
      expect(await contents(file)).toBe('\0\0aXc');
      await file.close();
    });

    test('to write no octets at all changes nothing', async () => {
      const disk = await make();
      const file = await fileWith(disk, 'a', 'text');
      for (const nothing of [[], [Buffer.of()], [Buffer.of(), Buffer.of()]]) await file.writev(nothing, 2);
      expect(await contents(file)).toBe('text');
      await file.close();
    });

    test('a read is short only at the end of the file', async () => {
      const disk = await make();
      const file = await fileWith(disk, 'a', '0123456789');
      const into = Buffer.alloc(4);
      expect(await file.read(into, 2)).toBe(4);
      expect(into.toString()).toBe('2345');
      expect(await file.read(into, 8)).toBe(2);
      expect(into.subarray(0, 2).toString()).toBe('89');
      expect(await file.read(into, 10)).toBe(0);
      expect(await file.read(into, 1_000)).toBe(0);
      await file.close();
    });

    test('what one file object wrote another reads', async () => {
      const disk = await make();
      const writer = await fileWith(disk, 'a', 'old');
      const reader = await disk.open('a');
      await writer.writev([Buffer.from('new')], 0);
      await writer.datasync();
      expect(await contents(reader)).toBe('new');
      for (const file of [writer, reader]) await file.close();
    });

    test('a rename replaces what stands under the new name, and an open file stays the same file', async () => {
      const disk = await make();
      const from = await fileWith(disk, 'from', 'new');
      const to = await fileWith(disk, 'to', 'old');
      await disk.rename('from', 'to');
      await disk.syncDirectory();
      expect(await disk.list()).toEqual(['to']);
      const opened = await disk.open('to');
      expect(await contents(opened)).toBe('new');
      expect(await contents(from)).toBe('new');
      expect(await contents(to)).toBe('old');
      for (const file of [from, to, opened]) await file.close();
      await expect(disk.rename('from', 'to')).rejects.toMatchObject({ code: 'ENOENT' });
    });

    test('a file knows whether a name is still its own', async () => {
      const disk = await make();
      const file = await fileWith(disk, 'a', 'text');
      expect([await file.isAt('a'), await file.isAt('b')]).toEqual([true, false]);
      await disk.rename('a', 'b');
      expect([await file.isAt('a'), await file.isAt('b')]).toEqual([false, true]);
      await disk.remove('b');
      const other = await fileWith(disk, 'b', 'text');
      expect([await file.isAt('b'), await other.isAt('b')]).toEqual([false, true]);
      for (const one of [file, other]) await one.close();
    });

    test('a file that was removed is not listed, and can be made again', async () => {
      const disk = await make();
      const first = await fileWith(disk, 'a', 'old');
      await fileWith(disk, 'b', 'other').then((file) => file.close());
      expect([...(await disk.list())].sort()).toEqual(['a', 'b']);
      await disk.remove('a');
      await disk.syncDirectory();
      expect(await disk.list()).toEqual(['b']);
      await expect(disk.open('a')).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(disk.remove('a')).rejects.toMatchObject({ code: 'ENOENT' });
      const second = await disk.create('a');
      expect(await contents(second)).toBe('');
      expect(await contents(first)).toBe('old');
      for (const file of [first, second]) await file.close();
    });
  });
}
