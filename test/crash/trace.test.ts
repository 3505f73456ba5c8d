// The system calls of the running relay are recorded while three devices send, and the disk is rebuilt as it may be
// after a power cut at each point of the record. `gatepost spool verify` must find every message that had its 250 by
// then, whole, and no part of another.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import { expect, test } from 'vitest';
import { BUNDLE } from '../../scripts/lib/paths.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { temporaryFolder } from '../support/folders.ts';
import { finished } from '../support/processes.ts';
import { describeWith } from '../support/programs/installed.ts';
import { startProcess } from '../support/programs/relay-process.ts';
import { readTrace, type TracedCall } from '../support/programs/strace.ts';

const CALLS = 'openat,rename,pwritev,pwritev2,pwrite64,fdatasync,fsync,write,writev';

/** Messages by the digest of their body. */
type Sent = Map<string, string>;

async function record(): Promise<{ calls: readonly TracedCall[]; sent: Sent }> {
  const folder = temporaryFolder();
  const spool = join(folder, 'spool');
  const trace = join(folder, 'trace');
  const relay = await startProcess(
    { GATEPOST_UPSTREAM: 'smtp://u:p@127.0.0.1:9', GATEPOST_SPOOL_DIR: spool, GATEPOST_SPOOL_SIZE: '8MiB' },
    { prefix: ['strace', '-D', '-f', '-y', '-xx', '-v', '-s', '4000000', '-e', `trace=${CALLS}`, '-e', 'signal=none', '-o', trace] },
  );
  const sent: Sent = new Map();
  await Promise.all(
    ['a', 'b', 'c'].map(async (name, device) => {
      const transport = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, pool: true, maxConnections: 1, ignoreTLS: true });
      for (let number = 0; number < 4; number++) {
        const body = `${name}${number} ${'x'.repeat(70)}\r\n`.repeat(1 + number * number * (device + 1) * 60);
        sent.set(createHash('sha256').update(body).digest('hex'), `${name}${number}`);
        await transport.sendMail({
          envelope: { from: 'cam@example.org', to: 'you@example.org' },
          raw: `Subject: ${name}${number}\r\n\r\n${body}`,
        });
      }
      transport.close();
    }),
  );
  await relay.end('SIGTERM');
  // strace runs beside the relay (-D), and writes its last lines a moment after it.
  while (!readFileSync(trace, 'latin1').trimEnd().endsWith('+++')) await new Promise((resolve) => setTimeout(resolve, 50));
  return { calls: readTrace(readFileSync(trace, 'latin1'), spool), sent };
}

/**
 * Repeats the calls on a simulated disk, and gives each state after a cut to `cut`, with the ids acknowledged by
 * then.
 */
async function replay(calls: readonly TracedCall[], cut: (disk: PowerLosingDisk, acknowledged: readonly string[]) => void): Promise<void> {
  const disk = powerLosingDisk();
  const acknowledged: string[] = [];
  for (const call of calls) {
    switch (call.call) {
      case 'create':
        await disk.create(call.name);
        break;
      case 'rename':
        await disk.rename(call.from, call.to);
        break;
      case 'write':
        await (await disk.open(call.name)).writev([call.octets], call.at);
        break;
      case 'sync':
        await (await disk.open(call.name)).datasync();
        break;
      case 'sync-folder':
        await disk.syncDirectory();
        break;
      default:
        acknowledged.push(...[...call.text.matchAll(/queued as (\w+)/g)].map(([, id = '']) => id));
    }
    // Zero-filling a new segment acknowledges nothing, so it counts as one state.
    const isFilling = call.call === 'write' && call.octets.every((octet) => octet === 0);
    if (call.call !== 'create' && !isFilling) cut(disk, [...acknowledged]);
  }
}

describeWith(['strace'], 'a power cut at each point of the record', () => {
  test('leaves every acknowledged message whole, and no half of another', { timeout: 300_000 }, async () => {
    const { calls, sent } = await record();
    expect(calls.filter(({ call }) => call === 'sync').length).toBeGreaterThan(8);
    for (const kind of ['sync-folder', 'rename']) expect(calls.some(({ call }) => call === kind)).toBe(true);

    const folder = temporaryFolder();
    const states: { readonly path: string; readonly acknowledged: readonly string[] }[] = [];
    const random = seededRandom(11);
    await replay(calls, (disk, acknowledged) => {
      // The record without its zero-filling has some 150 points; two states each, chosen at random.
      for (let which = 0; which < 2; which++) {
        const after = disk.remains(random);
        const path = join(folder, String(states.length));
        mkdirSync(path);
        for (const [name, octets] of after) writeFileSync(join(path, name), octets);
        states.push({ path, acknowledged });
      }
    });
    expect(states.length).toBeGreaterThan(60);
    expect(states.at(-1)?.acknowledged).toHaveLength(12);

    const verify = spawn(process.execPath, [BUNDLE, 'spool', 'verify', '-'], { stdio: ['pipe', 'pipe', 'pipe'] });
    verify.stdin.end(states.map(({ path }) => `${path}\n`).join(''));
    const { stdout, stderr } = await finished(verify);
    rmSync(folder, { recursive: true, force: true });
    expect(stderr).toBe('');
    const found = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { messages: { id: string; bodySha256: string }[]; damage: unknown[] });
    expect(found).toHaveLength(states.length);
    for (const [at, { messages, damage }] of found.entries()) {
      const ids = new Set(messages.map(({ id }) => id));
      for (const id of states[at]?.acknowledged ?? []) expect(ids.has(id), `state ${at}: acknowledged ${id} is there`).toBe(true);
      for (const { id, bodySha256 } of messages) expect(sent.has(bodySha256), `state ${at}: ${id} is whole`).toBe(true);
      expect(ids.size, 'each once').toBe(messages.length);
      expect(damage, `state ${at}: a power cut is not damage`).toEqual([]);
    }
  });
});
