// Usage: npm run startup [-- --runs 9]
//
// What a start costs: from the program's start to its 220 banner, and its memory then, for Node alone, the
// bundle and each binary in dist/bin. Foreign binaries run under qemu-user, whose times say something only
// beside each other; their memory is measured in the image (npm run image -- --measure).

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandFailed, command, wholeNumber } from './lib/command.ts';
import { median } from './lib/figures.ts';
import { BIN, BUNDLE } from './lib/paths.ts';
import { freePort, greets } from './lib/ports.ts';
import { ARCHITECTURES, isNative, runnerFor } from './lib/runtimes.ts';

const BARE = "require('net').createServer((s) => s.end('220 x\\r\\n')).listen(Number(process.argv[1]), '127.0.0.1')";
const LONGEST_START = 30_000; // ms

/** A program that is started: `command` for that port; `isMeasurable`: its memory is its own, not an emulator's. */
type Subject = { readonly name: string; readonly isMeasurable: boolean; command(port: number): readonly string[] };
type Started = { readonly milliseconds: number; readonly privateMiB: number };

await command(import.meta, {
  options: { runs: { type: 'string', default: '9' } },
  async run({ runs }) {
    const count = wholeNumber(runs);
    process.stdout.write('| what | to the banner, ms (median) | private dirty MiB |\n| --- | --- | --- |\n');
    for (const subject of subjects()) {
      const all: Started[] = [];
      for (let run = 0; run < count; run++) all.push(await startOnce(subject));
      const milliseconds = median(all.map((one) => one.milliseconds)).toFixed(0);
      const memory = subject.isMeasurable ? median(all.map(({ privateMiB }) => privateMiB)).toFixed(1) : '-';
      process.stdout.write(`| ${subject.name} | ${milliseconds} | ${memory} |\n`);
    }
  },
});

function subjects(): readonly Subject[] {
  const binaries = ARCHITECTURES.map((one) => ({ architecture: one, path: `${BIN}gatepost-linux-${one}`, isMeasurable: isNative(one) }));
  return [
    { name: 'Node alone, a socket that says 220', isMeasurable: true, command: (port) => [process.execPath, '-e', BARE, String(port)] },
    { name: 'the bundle', isMeasurable: true, command: () => [process.execPath, BUNDLE, 'run'] },
    ...binaries
      .filter(({ path }) => existsSync(path))
      .map(({ architecture, path, isMeasurable }) => ({
        name: `the binary, ${architecture}${isMeasurable ? '' : ' under qemu-user'}`,
        isMeasurable,
        command: () => [...runnerFor(architecture, path), 'run'],
      })),
  ];
}

async function startOnce(subject: Subject): Promise<Started> {
  const spool = mkdtempSync(join(tmpdir(), 'gatepost-startup-'));
  const port = await freePort();
  const [program = '', ...argv] = subject.command(port);
  const started = performance.now();
  const child = spawn(program, argv, {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      GATEPOST_UPSTREAM: 'smtp://127.0.0.1:9',
      GATEPOST_LISTEN: `127.0.0.1:${port}`,
      GATEPOST_SPOOL_DIR: spool,
    },
  });
  try {
    while (!(await greets(port))) {
      if (performance.now() - started > LONGEST_START) throw new CommandFailed(`${program} gives no banner`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const milliseconds = performance.now() - started;
    if (!subject.isMeasurable) return { milliseconds, privateMiB: Number.NaN };
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // the certificate is made meanwhile
    return { milliseconds, privateMiB: privateDirty(child.pid ?? 0) };
  } finally {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(spool, { recursive: true, force: true });
  }
}

/** In MiB. */
function privateDirty(pid: number): number {
  return Number(/^Private_Dirty: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024;
}
