import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FolderLock, lockFolder } from '../../src/system/lock.ts';
import { temporaryFolder } from '../support/folders.ts';
import { killAtExit } from '../support/processes.ts';

const LOCK = new URL('../../src/system/lock.ts', import.meta.url).pathname;

async function held(folder: string): Promise<FolderLock> {
  const lock = await lockFolder(folder);
  if (lock === 'taken') throw new Error('taken');
  return lock;
}

/** A socket on which nobody listens any more. */
async function deadSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.made`, resolve));
  linkSync(`${path}.made`, path);
  await new Promise((resolve) => server.close(resolve));
}

test('one at a time', async () => {
  const folder = temporaryFolder();
  const lock = await held(folder);
  expect(await lockFolder(folder)).toBe('taken');
  await lock.release();
  const again = await held(folder);
  await again.release();
  expect(readdirSync(folder)).toEqual([]);
});

test('a process that was killed holds nothing', async () => {
  const folder = temporaryFolder();
  const holder = spawn(
    process.execPath,
    [
      '-e',
      `import(${JSON.stringify(LOCK)}).then(async ({ lockFolder }) => { await lockFolder(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1e6); })`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  killAtExit(holder);
  await once(holder.stdout, 'data');
  expect(await lockFolder(folder)).toBe('taken');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect(readdirSync(folder)).toEqual(['relay.lock']);
  const lock = await held(folder);
  expect(readdirSync(folder)).toEqual(['relay.lock']);
  await lock.release();
});

test('of two at once, over what a dead process left, one gets it', async () => {
  for (let round = 0; round < 100; round++) {
    const folder = temporaryFolder();
    if (round % 2 === 0) await deadSocket(join(folder, 'relay.lock'));
    const both = await Promise.all([lockFolder(folder), lockFolder(folder)]);
    expect(both.filter((one) => one !== 'taken')).toHaveLength(1);
    expect(await lockFolder(folder)).toBe('taken');
    for (const one of both) if (one !== 'taken') await one.release();
  }
});

test('a folder whose path is longer than that of a socket may be', async () => {
  const folder = join(temporaryFolder(), 'a'.repeat(120));
  mkdirSync(folder);
  const lock = await held(folder);
  expect(statSync(join(folder, 'relay.lock')).isSocket()).toBe(true);
  await lock.release();
});

test.each([
  ['a folder', (path: string) => void mkdirSync(path)],
  ['a file', (path: string) => writeFileSync(path, '')],
])('%s in its place is named, and stays', async (kind, make) => {
  const folder = temporaryFolder();
  make(join(folder, 'relay.lock'));
  for (const _ of [1, 2])
    await expect(lockFolder(folder)).rejects.toThrow(`${kind} stands where its lock should be; remove ${folder}/relay.lock`);
  expect(readdirSync(folder)).toEqual(['relay.lock']);
});

test('what earlier starts have moved away is removed', async () => {
  const folder = temporaryFolder();
  const name = (digit: string) => join(folder, `relay.lock.${digit.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}.dead`);
  await deadSocket(name('1'));
  mkdirSync(name('2'));
  const lock = await held(folder);
  expect(readdirSync(folder)).toEqual(['relay.lock']);
  await lock.release();
});

describe('a lock that somebody removed', () => {
  test('is made again', async () => {
    const folder = temporaryFolder();
    const lock = await held(folder);
    expect(await lock.look()).toBe('held');
    rmSync(join(folder, 'relay.lock'));
    expect(await lock.look()).toBe('renewed');
    expect(await lock.look()).toBe('held');
    expect(await lockFolder(folder)).toBe('taken');
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is lost when another process has taken the folder, which keeps it', async () => {
    const folder = temporaryFolder();
    const lock = await held(folder);
    rmSync(join(folder, 'relay.lock'));
    const other = await held(folder);
    expect(await lock.look()).toBe('lost');
    await lock.release();
    expect(await other.look()).toBe('held');
    expect(await lockFolder(folder)).toBe('taken');
    await other.release();
  });

  test('with its folder: nothing is known, and the folder is given back all the same', async () => {
    const folder = temporaryFolder();
    const lock = await held(folder);
    rmSync(folder, { recursive: true });
    expect(await lock.look()).toBe('held');
    await lock.release();
  });
});
