// The README's first command, as a newcomer types it: the demonstration and the relay, how they end, and what
// they say when they can't go on.

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { ROOT } from '../../scripts/lib/paths.ts';
import { tryStart } from '../../scripts/lib/trial.ts';
import { temporaryFolder } from '../support/folders.ts';
import { finished, killAtExit } from '../support/processes.ts';

/** Runs a program in the project, in a process group of its own. */
function begin(command: readonly string[], environment: Readonly<Record<string, string>>) {
  const [program = '', ...argv] = command;
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('GATEPOST_'));
  const child = spawn(program, argv, {
    cwd: ROOT,
    env: { ...Object.fromEntries(kept), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  killAtExit(child);
  const end = finished(child);
  return {
    child,
    end,
    hears: (pattern: RegExp) => Promise.race([hears(child, pattern), end.then(({ stdout }) => Promise.reject(stdout))]),
  };
}

function hears(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = '';
  return new Promise((resolve) =>
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (pattern.test(text)) resolve();
    }),
  );
}

/** Whoever holds port 2525 of loopback until the returned function is called: we, or another program. */
async function takeFavouritePort(): Promise<() => void> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.once('error', () => resolve());
    server.listen(2525, '127.0.0.1', resolve);
  });
  return () => void server.close();
}

test('npm start delivers its alert, and ends in order when npm gets SIGTERM', { timeout: 60_000 }, async () => {
  expect((await tryStart(ROOT, 50)).failures).toEqual([]);
});

test('the demonstration takes another port when its own is taken, and says so; Ctrl-C leaves nothing', async () => {
  const release = await takeFavouritePort();
  const folder = temporaryFolder();
  const demo = begin([process.execPath, 'scripts/demo.ts'], { TMPDIR: folder });
  await demo.hears(/^The alert was delivered: /m);
  expect(readdirSync(folder).filter((name) => name.startsWith('gatepost-demo-'))).toHaveLength(1);
  process.kill(-(demo.child.pid ?? 0), 'SIGINT'); // as a terminal does: to the relay, too
  const { code, stdout } = await demo.end;
  release();
  expect(code).toBe(0);
  expect(stdout).toMatch(/^The relay listens on 127\.0\.0\.1:(?!2525)\d+, since port 2525 is taken by another program\. /m);
  expect(readdirSync(folder).filter((name) => name.startsWith('gatepost-demo-'))).toEqual([]);
  expect(() => process.kill(-(demo.child.pid ?? 0), 0)).toThrow(/ESRCH/); // the group is empty
});

test('a demonstration that must give up says so in a sentence', async () => {
  const demo = begin([process.execPath, 'scripts/demo.ts'], { TMPDIR: '/nonexistent' });
  const { code, stdout, stderr } = await demo.end;
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(stdout).toMatch(/^The demonstration gives up: .*no such file or directory.*\.\n$/);
});

test('a relay that dies under the demonstration ends it with a sentence', async () => {
  const demo = begin([process.execPath, 'scripts/demo.ts'], { TMPDIR: temporaryFolder(), GATEPOST_SENDER: 'me@example.org' });
  await demo.hears(/^The alert was delivered: /m);
  const pid = demo.child.pid ?? 0;
  const relay = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
  process.kill(relay, 'SIGKILL');
  const { code, stdout } = await demo.end;
  expect(code).toBe(1);
  expect(stdout).toMatch(/^The demonstration gives up: the relay ended by itself, with SIGKILL\.$/m);
  expect(stdout).toMatch(/^GATEPOST_UPSTREAM is not set, so this is the demonstration; it leaves GATEPOST_SENDER aside\.$/m);
});

test('with an upstream npm start is the relay: its signals, and its exit code', async () => {
  const folder = temporaryFolder();
  writeFileSync(`${folder}/password`, 'hunter2\n');
  const environment = {
    GATEPOST_UPSTREAM: 'smtp://127.0.0.1:9',
    GATEPOST_UPSTREAM_USERNAME: 'alerts',
    GATEPOST_UPSTREAM_PASSWORD_FILE: `${folder}/password`,
    GATEPOST_LISTEN: '127.0.0.1:0',
    GATEPOST_SPOOL_DIR: `${folder}/spool`,
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const relay = begin(['npm', 'start'], environment);
    await relay.hears(/event=started /);
    // SIGTERM goes to npm alone; Ctrl-C to the whole group, and the relay has it a second time from npm.
    process.kill(signal === 'SIGTERM' ? (relay.child.pid ?? 0) : -(relay.child.pid ?? 0), signal);
    const { code, stdout } = await relay.end;
    expect({ signal, code }).toEqual({ signal, code: 0 });
    expect(stdout).toMatch(/event=stopped\n/);
  }
  const wrong = begin(['npm', 'start'], { ...environment, GATEPOST_SPOOL_SIZE: 'much' });
  expect((await wrong.end).code).toBe(78);
});
