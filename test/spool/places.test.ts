// What else may stand where a segment, or the manifest, should: on a real file system. It is reported in a sentence,
// the name is left alone, and mail goes on.

import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { MANIFEST } from '../../src/spool/manifest.ts';
import { recover } from '../../src/spool/recover.ts';
import { type Disk, openDisk, openDiskReadOnly } from '../../src/system/disk.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { bodyOf, put, testSpool } from '../support/spool/spool.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatepost-test-'));
  folders.push(folder);
  return folder;
}

const PLACED: Readonly<Record<string, { readonly put: (path: string) => void; readonly problem: string }>> = {
  'a folder': { put: (path) => mkdirSync(path), problem: 'a folder stands in its place' },
  'a folder with something in it': {
    put: (path) => mkdirSync(join(path, 'x'), { recursive: true }),
    problem: 'a folder stands in its place',
  },
  'a pipe': { put: (path) => execFileSync('mkfifo', [path]), problem: 'a pipe stands in its place' },
  'a link to a file': {
    put: (path) => {
      writeFileSync(`${path}.elsewhere`, Buffer.alloc(64 * 1024));
      symlinkSync(`${path}.elsewhere`, path);
    },
    problem: 'a symbolic link stands in its place',
  },
  'a link to nothing': { put: (path) => symlinkSync('/nonexistent', path), problem: 'a symbolic link stands in its place' },
  'a link to itself': { put: (path) => symlinkSync(path, path), problem: 'a symbolic link stands in its place' },
  'a link to a device that never ends': { put: (path) => symlinkSync('/dev/zero', path), problem: 'a symbolic link stands in its place' },
};

describe.each(Object.entries(PLACED))('%s', (_what, { put: place, problem }) => {
  test.each(['000000.segment', '000001.segment', '000007.segment'])('in the place of %s of a spool that has mail', async (name) => {
    const folder = newFolder();
    const first = await testSpool(await openDisk(folder));
    const ids: QueueId[] = [];
    for (let at = 0; at < 6; at++) ids.push((await put(first.spool, Buffer.alloc(20_000, at))) as QueueId);
    await first.spool.close();
    const wasThere = readdirSync(folder).includes(name);
    rmSync(join(folder, name), { force: true });
    place(join(folder, name));
    const before = lstatSync(join(folder, name));

    // Reading alone must not hang either: `gatepost spool verify` does it.
    const read = await recover(openDiskReadOnly(folder));
    for (const segment of [...read.ring, ...read.blank]) await segment.close();
    expect(read.damage).toContainEqual({ segment: name, problem, lost: [], maybeLost: [] });

    const { spool, stored, news } = await testSpool(await openDisk(folder));
    expect(news.of('spoolDamaged')).toContainEqual({ segment: name, problem, lost: [], maybeLost: [] });
    if (!wasThere) expect([...stored.keys()]).toEqual(ids);
    for (let at = 0; at < 6; at++) {
      const id = (await put(spool, Buffer.alloc(20_000, 100 + at))) as QueueId;
      expect((await bodyOf(spool, id)).equals(Buffer.alloc(20_000, 100 + at))).toBe(true);
      spool.remove(id);
    }
    await spool.close();
    expect(news.of('spoolFailed')).toEqual([]);
    const after = lstatSync(join(folder, name));
    expect({ mode: after.mode, ino: after.ino }).toEqual({ mode: before.mode, ino: before.ino });
  });

  test('in the place of the first segment of a new spool', async () => {
    const folder = newFolder();
    place(join(folder, '000000.segment'));
    const { spool, news } = await testSpool(await openDisk(folder));
    expect(news.of('spoolDamaged')).toMatchObject([{ segment: '000000.segment', problem }]);
    expect(await put(spool, Buffer.alloc(100))).not.toMatch(/full|failed/);
    await spool.close();
  });

  test.each([MANIFEST, `${MANIFEST}.new`])('in the place of %s', async (name) => {
    const folder = newFolder();
    const first = await testSpool(await openDisk(folder));
    const id = (await put(first.spool, Buffer.alloc(100, 1))) as QueueId;
    await first.spool.close();
    rmSync(join(folder, MANIFEST));
    place(join(folder, name));
    const { spool, stored, news } = await testSpool(await openDisk(folder));
    expect([...stored.keys()]).toEqual([id]);
    if (name === MANIFEST)
      expect(news.of('spoolDamaged')).toMatchObject([{ segment: MANIFEST, problem: expect.stringContaining(problem) }]);
    expect(await put(spool, Buffer.alloc(100, 2))).not.toMatch(/full|failed/);
    await spool.close();
    const again = await testSpool(await openDisk(folder));
    expect(again.stored.size).toBe(2);
    expect(again.news.of('spoolDamaged')).toEqual([]);
    await again.spool.close();
  });
});

test('a socket in the place of a segment', async () => {
  const folder = newFolder();
  const server = createServer().listen(join(folder, '000000.segment'));
  await new Promise((resolve) => server.once('listening', resolve));
  const { spool, news } = await testSpool(await openDisk(folder));
  expect(news.of('spoolDamaged')).toMatchObject([{ segment: '000000.segment', problem: 'a socket stands in its place' }]);
  expect(await put(spool, Buffer.alloc(100))).not.toMatch(/full|failed/);
  await spool.close();
  server.close();
});

/** The disk, which refuses to open some names. */
const refusing = (disk: Disk, code: string, refused: (name: string) => boolean): Disk => ({
  ...disk,
  open: async (name) => {
    if (refused(name)) throw Object.assign(new Error(`${code}: ${name}`), { code });
    return disk.open(name);
  },
});

describe('a segment that can not be opened', () => {
  const threeSegments = async () => {
    const folder = newFolder();
    const { spool } = await testSpool(await openDisk(folder));
    const ids: QueueId[] = [];
    for (let at = 0; at < 6; at++) ids.push((await put(spool, Buffer.alloc(20_000, 1 + at))) as QueueId);
    await spool.close();
    return { disk: await openDisk(folder), ids };
  };

  test.each(['EACCES', 'EIO'])('%s: it is reported, mail goes on, and the mail in it is delivered once it can be opened', async (code) => {
    const { disk, ids } = await threeSegments();
    const one = await testSpool(refusing(disk, code, (name) => name === '000001.segment'));
    expect(one.news.of('spoolDamaged')[0]).toMatchObject({
      segment: '000001.segment',
      problem: expect.stringMatching(`can't be opened: ${code}`),
    });
    expect(one.stored.size).toBeLessThan(6);
    const fresh = (await put(one.spool, Buffer.alloc(20_000))) as QueueId;
    await one.spool.close();
    const two = await testSpool(disk);
    expect([...two.stored.keys()].sort()).toEqual([...ids, fresh].sort());
    await two.spool.close();
  });

  test.each(['EMFILE', 'ENOMEM'])('%s concerns the system: the start fails, nothing is changed', async (code) => {
    const { disk } = await threeSegments();
    await expect(testSpool(refusing(disk, code, (name) => name === '000001.segment'))).rejects.toThrow(code);
  });

  test('the files of another user: the start fails, for their owner to mend', async () => {
    const { disk } = await threeSegments();
    await expect(testSpool(refusing(disk, 'EACCES', () => true))).rejects.toThrow('EACCES');
    await disk.remove(MANIFEST);
    await expect(testSpool(refusing(disk, 'EACCES', (name) => name !== MANIFEST))).rejects.toThrow('EACCES');
  });

  test('of mode 0: the real thing, where permissions count', async () => {
    if (process.getuid?.() === 0) return;
    const { ids } = await threeSegments();
    const folder = folders.at(-1) ?? '';
    chmodSync(join(folder, '000001.segment'), 0);
    const { spool, stored } = await testSpool(await openDisk(folder));
    expect(stored.size).toBeLessThan(ids.length);
    await spool.close();
  });
});

test('pages that the card can not read cost what is on them, and no more', async () => {
  const folder = newFolder();
  const { spool } = await testSpool(await openDisk(folder));
  const ids: QueueId[] = [];
  for (let at = 0; at < 6; at++) ids.push((await put(spool, Buffer.alloc(20_000, 1 + at))) as QueueId);
  await spool.close();
  const disk = await openDisk(folder);
  const failsAt = (name: string, bad: number): Disk => ({
    ...disk,
    open: async (opened) => {
      const file = await disk.open(opened);
      const read: typeof file.read = async (into, at) => {
        if (opened === name && at <= bad && bad < at + into.length) throw Object.assign(new Error('EIO'), { code: 'EIO' });
        return file.read(into, at);
      };
      return { ...file, read };
    },
  });
  const header = await testSpool(failsAt('000000.segment', 0));
  expect([...header.stored.keys()]).toEqual(ids);
  expect(header.news.of('spoolDamaged')).toEqual([]);
  await header.spool.close();
  const body = await testSpool(failsAt('000000.segment', 8192));
  expect([...body.stored.keys()]).toEqual(ids.slice(1));
  expect(body.news.of('spoolDamaged')).toMatchObject([
    { segment: '000000.segment', problem: "pages 1-5 can't be read" },
    { lost: [ids[0]] },
  ]);
  await body.spool.close();
});
