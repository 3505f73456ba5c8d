// SIGUSR1 opens Node's debugger, which gives the process and its passwords to every local user: here it must
// not, in no command. What other signals do, and a second SIGTERM.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import nodemailer from 'nodemailer';
import { expect, test } from 'vitest';
import { BUNDLE } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { temporaryFolder } from '../support/folders.ts';
import { finished, killAtExit } from '../support/processes.ts';
import { startProcess } from '../support/programs/relay-process.ts';

// A port of its own for the debugger, if there is one: 9229 may be somebody else's.
const DEBUGGER = { NODE_OPTIONS: '--inspect-port=0' };

/** The TCP ports that a process listens on, as the kernel knows them. */
function listeningPorts(pid: number): readonly number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1] ?? [];
      } catch {
        return []; // closed meanwhile
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode ?? ''))
      .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16)),
  );
}

/** Resolves with the next chunk of its output. */
const hears = (child: ChildProcess) => new Promise<string>((resolve) => child.stdout?.once('data', (chunk) => resolve(String(chunk))));

test('a Node that is left alone opens its debugger at SIGUSR1: the check below can fail', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => console.log("up"), 50)'], {
    env: { PATH: process.env['PATH'], ...DEBUGGER },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  killAtExit(child);
  await hears(child);
  expect(listeningPorts(child.pid ?? 0)).toEqual([]);
  child.kill('SIGUSR1');
  while (listeningPorts(child.pid ?? 0).length === 0) await hears(child);
  child.kill('SIGKILL');
});

test('to the relay SIGUSR1 and SIGHUP are SIGUSR2: what waits is tried now, and nothing but its own port listens', async () => {
  const relay = await startProcess({
    ...DEBUGGER,
    GATEPOST_UPSTREAM: `smtp://u:p@127.0.0.1:${await freePort()}`,
    GATEPOST_SPOOL_DIR: temporaryFolder(),
  });
  const device = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true });
  await device.sendMail({ from: 'a@b.example', to: 'c@d.example', subject: 'x', text: 'x' });
  const downs = () => relay.log.filter(({ event }) => event === 'upstreamDown').length;
  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP', 'SIGUSR1'] as const) {
    const before = downs();
    relay.signal(signal);
    await relay.waitFor(({ event }) => event === 'upstreamDown' && downs() > before);
    expect(listeningPorts(relay.pid)).toEqual([relay.port]);
  }
  expect(await relay.end()).toBe(0);
});

test('a relay that still starts is not ended by them', async () => {
  const folder = temporaryFolder();
  const child = spawn(process.execPath, [BUNDLE, 'run'], {
    env: {
      PATH: process.env['PATH'],
      GATEPOST_UPSTREAM: 'smtp://u:p@127.0.0.1:9',
      GATEPOST_SPOOL_DIR: `${folder}/spool`,
      GATEPOST_LISTEN: '127.0.0.1:0',
      GATEPOST_ALIVE_FILE: `${folder}/alive`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  killAtExit(child);
  const ended = finished(child);
  const state = () => (existsSync(`${folder}/alive`) ? readFileSync(`${folder}/alive`, 'utf8') : '');
  while (state() === '') await new Promise((resolve) => setTimeout(resolve, 1));
  for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGUSR1'] as const) child.kill(signal);
  while (!state().startsWith('listening')) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill();
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});

test.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)('%s stops the relay in order', async (signal) => {
  const relay = await startProcess({ GATEPOST_UPSTREAM: 'smtp://u:p@127.0.0.1:9', GATEPOST_SPOOL_DIR: temporaryFolder() });
  const ended = relay.end(signal);
  await relay.waitFor(({ event }) => event === 'stopped');
  expect(await ended).toBe(0);
});

test('no other command opens it either', async () => {
  const folder = temporaryFolder();
  const relay = await startProcess({ GATEPOST_UPSTREAM: 'smtp://u:p@127.0.0.1:9', GATEPOST_SPOOL_DIR: folder });
  const watching = spawn(process.execPath, [BUNDLE, 'status', '--watch'], {
    env: { PATH: process.env['PATH'], ...DEBUGGER, GATEPOST_SPOOL_DIR: folder },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  killAtExit(watching);
  await hears(watching);
  watching.kill('SIGUSR1');
  await hears(watching);
  expect(listeningPorts(watching.pid ?? 0)).toEqual([]);
  watching.kill('SIGKILL');
  expect(await relay.end()).toBe(0);
});

test('a second SIGTERM hurries a relay that waits for its upstream, but not one of the same moment', { timeout: 30_000 }, async () => {
  const silent = createServer(() => {}); // takes the connection and never greets
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const relay = await startProcess({
    GATEPOST_UPSTREAM: `smtp://u:p@127.0.0.1:${(silent.address() as AddressInfo).port}`,
    GATEPOST_SPOOL_DIR: temporaryFolder(),
  });
  const connected = new Promise((resolve) => silent.once('connection', resolve));
  const device = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true });
  await device.sendMail({ from: 'a@b.example', to: 'c@d.example', subject: 'x', text: 'x' });
  await connected;
  const began = performance.now();
  const ended = relay.end('SIGTERM');
  const again = setInterval(() => relay.signal('SIGTERM'), 20); // as often as an owner may press the key
  expect(await ended).toBe(75);
  clearInterval(again);
  expect(performance.now() - began).toBeGreaterThan(900);
  silent.close();
});
