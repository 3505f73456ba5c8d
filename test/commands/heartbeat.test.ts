// What a supervisor sees of the relay: systemd, in whose place a datagram socket in Python listens, and
// whoever looks at the file of GATEPOST_ALIVE_FILE.

import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { BUNDLE } from '../../scripts/lib/paths.ts';
import { whereIs } from '../../scripts/lib/run.ts';
import { temporaryFolder } from '../support/folders.ts';
import { finished, killAtExit } from '../support/processes.ts';
import { describeWith } from '../support/programs/installed.ts';
import { startProcess } from '../support/programs/relay-process.ts';

const UPSTREAM = { GATEPOST_UPSTREAM: 'smtp://user:hunter2@127.0.0.1:9' };
/** Milliseconds between two signs in these tests. */
const BEAT = 200;
const WATCHDOG_USEC = String(2 * BEAT * 1000);

/** Where systemd would listen: each word that comes, as it comes. It answers barriers by closing what came with them. */
async function notifySocket(folder: string) {
  const script = `
import array, os, socket, sys
listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); listening.bind(sys.argv[1])
print('listening', flush=True)
while True:
    word, ancillary, _, _ = listening.recvmsg(4096, 1024)
    for level, kind, data in ancillary:
        if kind == socket.SCM_RIGHTS:
            for descriptor in array.array('i', data): os.close(descriptor)
    print(word.decode().replace(chr(10), ' '), flush=True)
`;
  const child = spawn('python3', ['-c', script, `${folder}/notify`], { stdio: ['ignore', 'pipe', 'inherit'] });
  killAtExit(child);
  const words: string[] = [];
  let wake = () => {};
  createInterface({ input: child.stdout }).on('line', (word) => {
    if (word !== 'BARRIER=1') words.push(word);
    wake();
  });
  const until = async (passes: () => boolean) => {
    while (!passes()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  await until(() => words.includes('listening'));
  const count = (word: string) => words.filter((one) => one === word).length;
  return { path: `${folder}/notify`, words, count, until, close: () => child.kill('SIGKILL') };
}

describeWith(['systemd-notify', 'python3'], 'systemd', () => {
  test('gets READY=1, then WATCHDOG=1 until the relay hangs, and STOPPING=1', async () => {
    const folder = temporaryFolder();
    const systemd = await notifySocket(folder);
    const relay = await startProcess({ ...UPSTREAM, GATEPOST_SPOOL_DIR: folder, NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC });
    await systemd.until(() => systemd.count('WATCHDOG=1') >= 2);
    const words = systemd.words.filter((word) => !word.startsWith('EXTEND_TIMEOUT_USEC=')); // a busy machine may start slowly
    expect(words.slice(0, 3)).toEqual(['listening', `READY=1 STATUS=listening on 127.0.0.1:${relay.port}`, 'WATCHDOG=1']);
    relay.signal('SIGSTOP');
    // A program that was under way when the relay stopped may still have its say.
    await new Promise((resolve) => setTimeout(resolve, 2 * BEAT));
    const before = systemd.count('WATCHDOG=1');
    await new Promise((resolve) => setTimeout(resolve, 5 * BEAT));
    expect(systemd.count('WATCHDOG=1')).toBe(before);
    relay.signal('SIGCONT');
    await systemd.until(() => systemd.count('WATCHDOG=1') > before);
    expect(await relay.end()).toBe(0);
    await systemd.until(() => systemd.words.at(-1) === 'STOPPING=1');
    systemd.close();
  });

  test('is asked for patience by a long start', async () => {
    const folder = temporaryFolder();
    const systemd = await notifySocket(folder);
    // With so short a watchdog any start is long.
    const relay = await startProcess({ ...UPSTREAM, GATEPOST_SPOOL_DIR: folder, NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: '2000' });
    await systemd.until(() => systemd.count('WATCHDOG=1') >= 1);
    const ready = systemd.words.findIndex((word) => word.startsWith('READY=1'));
    expect(systemd.words.slice(1, ready)).not.toEqual([]);
    expect(new Set(systemd.words.slice(1, ready))).toEqual(new Set(['EXTEND_TIMEOUT_USEC=2000']));
    expect(await relay.end()).toBe(0);
    systemd.close();
  });

  test('is notified by a program that sees nothing of the configuration, one at a time', async () => {
    const folder = temporaryFolder();
    const systemd = await notifySocket(folder);
    // In systemd-notify's place: writes down what it sees, and whether another one runs.
    writeFileSync(
      `${folder}/systemd-notify`,
      `#!/bin/sh\nenv >>${folder}/seen\nmkdir ${folder}/busy || echo two at once >>${folder}/seen\n/bin/sleep 0.05\n${whereIs('systemd-notify')} "$@"\nrmdir ${folder}/busy\n`,
    );
    chmodSync(`${folder}/systemd-notify`, 0o755);
    const relay = await startProcess({
      ...UPSTREAM,
      GATEPOST_SPOOL_DIR: folder,
      NOTIFY_SOCKET: systemd.path,
      WATCHDOG_USEC: '20000',
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
    });
    await systemd.until(() => systemd.count('WATCHDOG=1') >= 5);
    expect(await relay.end()).toBe(0);
    const seen = readFileSync(`${folder}/seen`, 'utf8');
    expect(seen).toContain('NOTIFY_SOCKET=');
    expect(seen).not.toMatch(/GATEPOST|hunter2|two at once/);
    systemd.close();
  });

  test('is complained of once where systemd-notify is missing, and the relay works without', async () => {
    const folder = temporaryFolder();
    const child = spawn(process.execPath, [BUNDLE, 'run'], {
      env: {
        ...UPSTREAM,
        GATEPOST_SPOOL_DIR: folder,
        GATEPOST_LISTEN: '127.0.0.1:0',
        GATEPOST_ALIVE_FILE: `${folder}/alive`,
        NOTIFY_SOCKET: `${folder}/notify`,
        WATCHDOG_USEC: '20000',
        PATH: '/nonexistent',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    killAtExit(child);
    const ended = finished(child);
    const beats = () =>
      existsSync(`${folder}/alive`) ? Number(/listening (\d+)/.exec(readFileSync(`${folder}/alive`, 'utf8'))?.[1] ?? 0) : 0;
    while (beats() < 20) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill();
    expect(await ended).toMatchObject({
      code: 0,
      stderr: "gatepost: systemd can't be notified that the relay works, and may end it: the program systemd-notify is missing\n",
    });
  });
});

test('the file of GATEPOST_ALIVE_FILE says when the relay listens, stands still when it hangs, and goes with it', async () => {
  const folder = temporaryFolder();
  const file = `${folder}/alive`;
  const relay = await startProcess({ ...UPSTREAM, GATEPOST_SPOOL_DIR: folder, GATEPOST_ALIVE_FILE: file, WATCHDOG_USEC });
  const content = () => readFileSync(file, 'utf8');
  const changes = async () => {
    const before = content();
    while (content() === before || content() === '') await new Promise((resolve) => setTimeout(resolve, 10));
  };
  while (!content().startsWith('listening ')) await changes();
  await changes();
  relay.signal('SIGSTOP');
  const stopped = content();
  await new Promise((resolve) => setTimeout(resolve, 5 * BEAT));
  expect(content()).toBe(stopped);
  relay.signal('SIGCONT');
  await changes();
  expect(await relay.end()).toBe(0);
  expect(existsSync(file)).toBe(false);
});

test('a relay that can not start leaves no such file', async () => {
  const folder = temporaryFolder();
  writeFileSync(`${folder}/spool`, 'no folder');
  const child = spawn(process.execPath, [BUNDLE, 'run'], {
    env: { ...UPSTREAM, PATH: process.env['PATH'], GATEPOST_SPOOL_DIR: `${folder}/spool`, GATEPOST_ALIVE_FILE: `${folder}/alive` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect((await finished(child)).code).toBe(69);
  expect(existsSync(`${folder}/alive`)).toBe(false);
});
