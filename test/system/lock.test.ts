import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockFolder } from '../../src/system/lock.ts';
import { temporaryFolder } from '../support/folders.ts';
import { killAtExit } from '../support/processes.ts';

const LOCK = new URL('../../src/system/lock.ts', import.meta.url).pathname;

async function held(folder: string): Promise<() => Promise<void>> {
  const lock = await lockFolder(folder);
  if (lock === 'taken') throw new Error('taken');
  return lock;
}

test('one at a time', async () => {
  const folder = temporaryFolder();
  const release = await held(folder);
  expect(await lockFolder(folder)).toBe('taken');
  await release();
  const again = await held(folder);
  await again();
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
  const release = await held(folder);
  expect(readdirSync(folder)).toEqual(['relay.lock']);
  await release();
});

test('of two at once, over what a dead process left, one gets it', async () => {
  for (let round = 0; round < 100; round++) {
    const folder = temporaryFolder();
    if (round % 2 === 0) writeFileSync(join(folder, 'relay.lock'), '');
    const both = await Promise.all([lockFolder(folder), lockFolder(folder)]);
    expect(both.filter((one) => one !== 'taken')).toHaveLength(1);
    expect(await lockFolder(folder)).toBe('taken');
    for (const one of both) if (one !== 'taken') await one();
  }
});

test('a folder whose path is longer than that of a socket may be', async () => {
  const folder = join(temporaryFolder(), 'a'.repeat(120));
  mkdirSync(folder);
  const release = await held(folder);
  expect(statSync(join(folder, 'relay.lock')).isSocket()).toBe(true);
  await release();
});
