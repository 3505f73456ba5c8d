// Refresh tokens that change with each use, on a disk that loses power or is full, and processes that are killed.

import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Granted } from '../../src/oauth/endpoint.ts';
import { exclusivelyIn } from '../../src/oauth/exclusive.ts';
import { lost, refusedWith, TokenFailed } from '../../src/oauth/failure.ts';
import { openOwned } from '../../src/oauth/owner.ts';
import { type Exclusively, RefreshToken } from '../../src/oauth/refresh.ts';
import { Seal } from '../../src/oauth/seal.ts';
import { AuthorizationStore } from '../../src/oauth/store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { type Disk, openDisk } from '../../src/system/disk.ts';
import { systemRandom } from '../../src/system/random.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { temporaryFolder } from '../support/folders.ts';

const ACCOUNT = { host: 'smtp.example.org', username: 'alerts@example.org' };
const FIRST = { refreshToken: 'refresh-1', since: 5 };
const atOnce: Exclusively = (work) => work();
const storeOn = (disk: Disk, seal?: Seal) => new AuthorizationStore({ disk, account: ACCOUNT, seal });
const sealOf = (secret: string) => new Seal(secret, systemRandom);

/** Gives a new refresh token for the newest one only, as strict servers do. */
function rotatingServer(start = 1) {
  let newest = start;
  let used = 0;
  return {
    uses: () => used,
    newest: () => `refresh-${newest}`,
    async refresh(refreshToken: string): Promise<Granted> {
      used += 1;
      if (refreshToken !== `refresh-${newest}`) throw lost('invalid_grant', 'log in');
      newest += 1;
      return { accessToken: `access-${newest}`, lifetime: 3_600_000, refreshToken: `refresh-${newest}` };
    },
  };
}

const problemOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof TokenFailed ? error.message : error),
  );

test('a new refresh token is on the flash when the access token is given out', async () => {
  const disk = powerLosingDisk();
  const server = rotatingServer();
  await storeOn(disk).save(FIRST);
  const refresh = new RefreshToken({ store: storeOn(disk), server, exclusively: atOnce });
  for (const round of [2, 3, 4]) {
    expect(await refresh.obtain()).toMatchObject({ accessToken: `access-${round}` });
    const after = powerLosingDisk(disk.remains(seededRandom(round)));
    expect(await storeOn(after).load()).toEqual({ refreshToken: `refresh-${round}`, since: 5 });
  }
  expect(await disk.list()).toHaveLength(1);
});

test('a server that gives no new one costs no writing after the first time', async () => {
  const disk = powerLosingDisk();
  await storeOn(disk).save(FIRST);
  const server = { refresh: async (): Promise<Granted> => ({ accessToken: 'a', lifetime: 1, refreshToken: undefined }) };
  const refresh = new RefreshToken({ store: storeOn(disk), server, exclusively: atOnce });
  await refresh.obtain();
  const { count } = disk.synced;
  await refresh.obtain();
  expect(disk.synced.count).toBe(count);
  expect(await disk.list()).toHaveLength(1);
});

describe('killed, or without power, at every step of a renewal', () => {
  const ends: readonly [string, (disk: PowerLosingDisk, seed: number) => PowerLosingDisk][] = [
    ['SIGKILL', (disk) => disk.kill()],
    ['a power cut', (disk, seed) => disk.crash(seededRandom(seed))],
  ];
  test.each(ends)('%s: one of both tokens is there, whole; the new one, if the access token was given out', async (_name, end) => {
    let steps = 0;
    for (let killAt = 1; killAt <= 40; killAt++) {
      for (const seed of [1, 2, 3, 4]) {
        const disk = powerLosingDisk();
        await storeOn(disk).save(FIRST);
        const server = rotatingServer();
        let after: PowerLosingDisk | undefined;
        let step = 0;
        const stepping = steppingDisk(disk, () => {
          if (++step === killAt) {
            after = end(disk, seed * 1000 + killAt);
            throw new Error('killed');
          }
        });
        const refresh = new RefreshToken({ store: storeOn(stepping), server, exclusively: atOnce });
        const wasGivenOut = await refresh.obtain().then(
          () => true,
          () => false,
        );
        after ??= end(disk, seed);
        const stored = await storeOn(after).load();
        expect(['refresh-1', 'refresh-2']).toContain(stored?.refreshToken);
        if (wasGivenOut) expect(stored?.refreshToken).toBe('refresh-2');
        if (server.uses() === 0) expect(stored?.refreshToken).toBe('refresh-1');
        // Whatever lies about is no hindrance to the next process, as long as the server knows the token.
        const next = new RefreshToken({
          store: storeOn(after),
          server: rotatingServer(Number(stored?.refreshToken.slice(-1))),
          exclusively: atOnce,
        });
        expect(await next.obtain()).toMatchObject({ accessToken: expect.stringContaining('access-') });
        expect(await after.list()).toHaveLength(1);
        steps = Math.max(steps, step);
      }
    }
    expect(steps).toBeGreaterThan(8); // so all of them were tried
    expect(steps).toBeLessThan(40);
  });
});

/** The disk, with `step` called before each thing that is done to it. */
function steppingDisk(disk: Disk, step: () => void): Disk {
  const stepped =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A) => {
      step();
      return await work(...args);
    };
  const file = (make: (name: string) => ReturnType<Disk['open']>) => async (name: string) => {
    step();
    const { size, isAt, read, writev, datasync, close } = await make(name);
    return { size, isAt, read: stepped(read), writev: stepped(writev), datasync: stepped(datasync), close };
  };
  return {
    open: file(disk.open),
    create: file(disk.create),
    list: stepped(disk.list),
    rename: stepped(disk.rename),
    remove: stepped(disk.remove),
    syncDirectory: stepped(disk.syncDirectory),
  };
}

describe('a disk that takes nothing', () => {
  test('is found out before the server is asked', async () => {
    const disk = powerLosingDisk();
    await storeOn(disk).save(FIRST);
    const server = rotatingServer();
    disk.onOperation = (operation) => {
      if (operation === 'writev') throw Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC' });
    };
    const refresh = new RefreshToken({ store: storeOn(disk), server, exclusively: atOnce });
    expect(await problemOf(refresh.obtain())).toMatch(/can't be kept on the flash: ENOSPC/);
    expect(server.uses()).toBe(0);
    disk.onOperation = () => {};
    expect(await refresh.obtain()).toMatchObject({ accessToken: 'access-2' });
  });
  test('just then: the new token stays in memory, and is written before the next is asked for', async () => {
    const disk = powerLosingDisk();
    await storeOn(disk).save(FIRST);
    const server = rotatingServer();
    const refresh = new RefreshToken({ store: storeOn(disk), server, exclusively: atOnce });
    disk.onOperation = (operation) => {
      if (operation === 'datasync' && server.uses() > 0) throw new Error('EIO');
    };
    expect(await problemOf(refresh.obtain())).toMatch(/EIO/);
    expect(await problemOf(refresh.obtain())).toMatch(/EIO/);
    expect(server.uses()).toBe(1);
    disk.onOperation = () => {};
    expect(await refresh.obtain()).toMatchObject({ accessToken: 'access-3' });
    expect(await storeOn(disk).load()).toMatchObject({ refreshToken: 'refresh-3' });
  });
});

test('what ends the right is said with what often does it at that provider', async () => {
  const disk = powerLosingDisk();
  await storeOn(disk).save(FIRST);
  const server = { refresh: () => Promise.reject(refusedWith('invalid_grant', 'expired')) };
  const refresh = new RefreshToken({ store: storeOn(disk), server, exclusively: atOnce, hint: 'publish it' });
  await expect(refresh.obtain()).rejects.toMatchObject({
    failure: { cause: 'authorization-lost', advice: 'log in again: gatepost oauth login; publish it' },
  });
});

test('a login by another process is taken up, and nothing that is older is written over it', async () => {
  const disk = powerLosingDisk();
  const refresh = new RefreshToken({ store: storeOn(disk), server: rotatingServer(7), exclusively: atOnce });
  expect(await problemOf(refresh.obtain())).toMatch(/nobody has logged in/);
  await storeOn(disk).save({ refreshToken: 'refresh-7', since: 9 });
  expect(await refresh.obtain()).toMatchObject({ accessToken: 'access-8' });
});

test('two processes renew one after the other', async () => {
  const folder = join(temporaryFolder(), 'oauth');
  mkdirSync(folder);
  const server = rotatingServer();
  const disk = await openDisk(folder);
  await storeOn(disk).save(FIRST);
  const ofProcess = () =>
    new RefreshToken({ store: storeOn(disk), server, exclusively: exclusivelyIn(folder, systemClock, async () => {}) });
  const got = await Promise.all([ofProcess().obtain(), ofProcess().obtain(), ofProcess().obtain()]);
  expect(got.map(({ accessToken }) => accessToken).sort()).toEqual(['access-2', 'access-3', 'access-4']);
  expect(await storeOn(disk).load()).toMatchObject({ refreshToken: 'refresh-4' });
});

describe('what lies on the flash', () => {
  const onFlash = async (seal?: Seal) => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    const store = storeOn(await openDisk(folder), seal);
    await store.save(FIRST);
    return { folder, path: join(folder, store.name), store };
  };
  test('is for its owner alone, in a name that tells nothing', async () => {
    const { folder, path } = await onFlash();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.json$/)]);
    expect(readFileSync(path, 'utf8')).toContain('refresh-1');
  });
  test('can be sealed; then nothing without the key', async () => {
    const { folder, path, store } = await onFlash(sealOf('a'.repeat(32)));
    expect(readFileSync(path, 'utf8')).not.toContain('refresh');
    expect(await store.load()).toEqual(FIRST);
    const disk = await openDisk(folder);
    expect(await problemOf(storeOn(disk).load())).toMatch(/GATEPOST_OAUTH_SEAL is not given/);
    expect(await problemOf(storeOn(disk, sealOf('b'.repeat(32))).load())).toMatch(/another GATEPOST_OAUTH_SEAL/);
  });
  test('that was in plain is still read with a key', async () => {
    const { folder } = await onFlash();
    expect(await storeOn(await openDisk(folder), sealOf('a'.repeat(32))).load()).toEqual(FIRST);
  });
  test.each([
    ['nothing', ''],
    ['zeros', '\0'.repeat(4096)],
    ['half', '{"refreshToken":"ref'],
    ['no token', '{"refreshToken":"","since":1}'],
    ['no seal', '{"sealed":"AAAA"}'],
  ])('and is damaged (%s) wants a new login', async (_name, text) => {
    const { path, folder } = await onFlash();
    writeFileSync(path, text);
    expect(await problemOf(storeOn(await openDisk(folder), sealOf('a'.repeat(32))).load())).toMatch(/damaged/);
  });
});

test.runIf(process.geteuid?.() === 0)('what root stores belongs to the user of the relay, and so does the lock (needs root)', async () => {
  const spool = temporaryFolder();
  chownSync(spool, 12_345, 12_345);
  const folder = join(spool, 'oauth');
  const { disk, giveAway } = await openOwned(folder);
  await exclusivelyIn(
    folder,
    systemClock,
    giveAway,
  )(async () => {
    await storeOn(disk).save(FIRST);
    for (const name of ['', 'relay.lock', storeOn(disk).name]) expect(statSync(join(folder, name)).uid).toBe(12_345);
  });
});

test('a seal of one account does not open for another', () => {
  const seal = sealOf('a'.repeat(32));
  expect(seal.open(seal.close('text', 'one'), 'one')).toBe('text');
  expect(seal.open(seal.close('text', 'one'), 'two')).toBeUndefined();
  expect(seal.close('text', 'one')).not.toBe(seal.close('text', 'one'));
});
