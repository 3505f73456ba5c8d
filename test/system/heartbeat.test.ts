// The file of GATEPOST_ALIVE_FILE, on a clock that the test moves.

import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startHeartbeat } from '../../src/system/heartbeat.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { temporaryFolder } from '../support/folders.ts';

async function begin(file: string, watchdog?: number) {
  const clock = fakeClock();
  const complaints: string[] = [];
  const settings = { file, watchdog, systemd: undefined };
  const heartbeat = await startHeartbeat({ settings, clock, complain: (problem) => complaints.push(problem) });
  return { clock, complaints, heartbeat };
}

test('the content changes every 20 s, whatever the date does, and the file goes at the end', async () => {
  const folder = temporaryFolder();
  const { clock, complaints, heartbeat } = await begin(`${folder}/alive`);
  const content = () => readFileSync(`${folder}/alive`, 'utf8');
  expect(content()).toBe('starting 1\n');
  await clock.advance(20_000);
  expect(content()).toBe('starting 2\n');
  heartbeat.listening('on a port');
  expect(content()).toBe('listening 3\n');
  clock.setWall(0);
  await clock.advance(19_999);
  expect(content()).toBe('listening 3\n');
  await clock.advance(1);
  expect(content()).toBe('listening 4\n');
  await heartbeat.stop();
  await heartbeat.stop();
  expect(readdirSync(folder)).toEqual([]);
  await clock.advance(60_000);
  expect(readdirSync(folder)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('a supervisor that says how often it looks gets a sign twice as often', async () => {
  const folder = temporaryFolder();
  const { clock, heartbeat } = await begin(`${folder}/alive`, 3_000);
  await clock.advance(4_500);
  expect(readFileSync(`${folder}/alive`, 'utf8')).toBe('starting 4\n');
  await heartbeat.stop();
});

test('a file that can not be written is complained of once, and a link is not followed', async () => {
  const folder = temporaryFolder();
  writeFileSync(`${folder}/precious`, 'kept');
  symlinkSync(`${folder}/precious`, `${folder}/link`);
  mkdirSync(`${folder}/folder`);
  for (const name of ['link', 'folder', 'missing/alive']) {
    const { clock, complaints, heartbeat } = await begin(`${folder}/${name}`);
    await clock.advance(60_000);
    await heartbeat.stop();
    expect(complaints, name).toEqual([expect.stringMatching(/^a hang would not be noticed: GATEPOST_ALIVE_FILE can't be written: E/)]);
  }
  expect(readFileSync(`${folder}/precious`, 'utf8')).toBe('kept');
});
