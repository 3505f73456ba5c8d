// A process that is killed (SIGKILL) in the middle of renewals, on a real file system: what it leaves is whole, and no
// older than the token whose access token it gave out.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exclusivelyIn } from '../../src/oauth/exclusive.ts';
import { AuthorizationStore } from '../../src/oauth/store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { openDisk } from '../../src/system/disk.ts';
import { temporaryFolder } from '../support/folders.ts';
import { killAtExit } from '../support/processes.ts';

const SRC = new URL('../../src/', import.meta.url).pathname;
const ACCOUNT = { host: 'h', username: 'u' };
const KILLS = 25;

/** Renews as fast as it can; says the number of each refresh token that came (R) and of each access token that it gave out (A). */
const PROGRAM = `
import { exclusivelyIn } from '${SRC}oauth/exclusive.ts';
import { RefreshToken } from '${SRC}oauth/refresh.ts';
import { AuthorizationStore } from '${SRC}oauth/store.ts';
import { systemClock } from '${SRC}system/clock.ts';
import { openDisk } from '${SRC}system/disk.ts';
import { writeSync } from 'node:fs';
const folder = process.argv[2];
const store = new AuthorizationStore({ disk: await openDisk(folder), account: ${JSON.stringify(ACCOUNT)}, seal: undefined });
const server = {
  async refresh(token) {
    const next = Number(token) + 1;
    writeSync(1, 'R' + next + '\\n');
    return { accessToken: 'a' + next, lifetime: 1, refreshToken: String(next) };
  },
};
const refresh = new RefreshToken({ store, server, exclusively: exclusivelyIn(folder, systemClock, async () => {}) });
for (;;) writeSync(1, 'A' + (await refresh.obtain()).accessToken.slice(1) + '\\n');
`;

test(`killed ${KILLS} times`, async () => {
  const root = temporaryFolder();
  const folder = join(root, 'oauth');
  mkdirSync(folder);
  const program = join(root, 'program.ts');
  writeFileSync(program, PROGRAM);
  const store = new AuthorizationStore({ disk: await openDisk(folder), account: ACCOUNT, seal: undefined });
  await store.save({ refreshToken: '1', since: 1 });
  const exclusively = exclusivelyIn(folder, systemClock, async () => {});
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    killAtExit(child);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (output === '') setTimeout(() => child.kill('SIGKILL'), kill / 3); // each time a little later
      output += chunk.toString();
    });
    const complaint: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
    await new Promise((resolve) => child.on('close', resolve));
    const last = (letter: string) =>
      Number(
        output
          .split('\n')
          .findLast((line) => line.startsWith(letter))
          ?.slice(1) ?? 0,
      );
    expect(last('R'), Buffer.concat(complaint).toString()).toBeGreaterThan(1);
    const stored = Number((await exclusively(() => store.load()))?.refreshToken); // the lock of the dead is no hindrance
    expect(stored).toBeGreaterThanOrEqual(last('A'));
    expect(stored).toBeLessThanOrEqual(last('R'));
  }
}, 60_000);
