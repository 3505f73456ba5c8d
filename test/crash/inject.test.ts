// Disk failures of the running relay, injected into its system calls with strace: devices get 451 or 452, others are
// served, and the relay recovers by itself.

import { join } from 'node:path';
import nodemailer from 'nodemailer';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { describeWith } from '../support/programs/installed.ts';
import { runProgram, startProcess } from '../support/programs/relay-process.ts';

describeWith(['strace'], 'disk trouble', () => {
  test.each([
    ['fdatasync:error=EIO', 'fdatasync', 451],
    ['pwritev,pwrite64:error=EIO', 'pwritev,pwrite64', 451],
    ['pwritev,pwrite64:error=ENOSPC', 'pwritev,pwrite64', 452],
  ])('%s', { timeout: 60_000 }, async (fault, traced, code) => {
    const spool = join(temporaryFolder(), 'spool');
    // strace counts for each thread. The first 16 writes zero-fill the first segment and must not fail, whichever
    // threads do them.
    const when = fault.startsWith('fdatasync') ? '3+3' : '17..18';
    const relay = await startProcess(
      { GATEPOST_UPSTREAM: 'smtp://u:p@127.0.0.1:9', GATEPOST_SPOOL_DIR: spool },
      { prefix: ['strace', '-D', '-f', '-qq', '-e', `trace=${traced}`, '-e', `inject=${fault}:when=${when}`, '-o', '/dev/null'] },
    );
    const device = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true });
    const acknowledged: string[] = [];
    const refused: number[] = [];
    for (let number = 0; number < 100; number++) {
      try {
        const { response } = await device.sendMail({
          from: 'cam@example.org',
          to: 'you@example.org',
          subject: `${number}`,
          text: 'x'.repeat(2_000),
        });
        acknowledged.push(/queued as (\w+)/.exec(response)?.[1] ?? '');
      } catch (error) {
        refused.push((error as { responseCode?: number }).responseCode ?? 0);
      }
    }
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused)).toEqual(new Set([code]));
    expect(acknowledged.length).toBeGreaterThan(4);
    expect(relay.log.some(({ event }) => event === 'spoolFailed')).toBe(true);
    await relay.end('SIGKILL');
    const { messages } = JSON.parse((await runProgram(['spool', 'verify', spool])).stdout) as { messages: { id: string }[] };
    const ids = messages.map(({ id }) => id);
    for (const id of acknowledged) expect(ids).toContain(id);
  });
});
