// Usage: npm run startup [-- --runs 9]
//
// What a start costs: from the program's start to its 220 banner, and its memory then, for Node alone, the
// bundle and each binary in dist/bin. Foreign binaries run under qemu-user, whose times say something only
// beside each other; their memory is measured in the image (npm run image -- --measure).

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { greets } from '../test/support/banner.ts';
import { freePort } from '../test/support/postfix.ts';
import { ARCHITECTURES, isNative, ROOT, runnerFor } from './runtimes.ts';

const { values } = parseArgs({ options: { runs: { type: 'string' }, help: { type: 'boolean' } } });
if (values.help === true) {
  process.stdout.write('npm run startup [-- --runs 9]: milliseconds to the banner, and memory\n');
  process.exit(0);
}
const RUNS = Number(values.runs ?? 9);
const BARE = "require('net').createServer((s) => s.end('220 x\\r\\n')).listen(Number(process.argv[1]), '127.0.0.1')";

type Started = { readonly milliseconds: number; readonly privateMiB: number | undefined };

const rows: (readonly [string, (port: number) => readonly string[], boolean])[] = [
  ['Node alone, a socket that says 220', (port) => [process.execPath, '-e', BARE, String(port)], true],
  ['the bundle', () => [process.execPath, `${ROOT}dist/gatepost.cjs`, 'run'], true],
  ...ARCHITECTURES.filter((one) => existsSync(`${ROOT}dist/bin/gatepost-linux-${one}`)).map((one) => {
    const runner = runnerFor(one, `${ROOT}dist/bin/gatepost-linux-${one}`);
    return [`the binary, ${one}${isNative(one) ? '' : ' under qemu-user'}`, () => [...runner, 'run'], isNative(one)] as const;
  }),
];
process.stdout.write('| what | to the banner, ms (median) | private dirty MiB |\n| --- | --- | --- |\n');
for (const [name, command, isMeasurable] of rows) {
  const all: Started[] = [];
  for (let run = 0; run < RUNS; run++) all.push(await startOnce(command, isMeasurable));
  const milliseconds = median(all.map((one) => one.milliseconds)).toFixed(0);
  const memory = isMeasurable ? median(all.map(({ privateMiB = 0 }) => privateMiB)).toFixed(1) : '-';
  process.stdout.write(`| ${name} | ${milliseconds} | ${memory} |\n`);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function startOnce(command: (port: number) => readonly string[], isMeasurable: boolean): Promise<Started> {
  const spool = mkdtempSync(join(tmpdir(), 'gatepost-startup-'));
  const port = await freePort();
  const [program = '', ...argv] = command(port);
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
      if (performance.now() - started > 30_000) throw new Error(`${program} gives no banner`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const milliseconds = performance.now() - started;
    if (!isMeasurable) return { milliseconds, privateMiB: undefined };
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // the certificate is made meanwhile
    return { milliseconds, privateMiB: privateDirty(child.pid ?? 0) };
  } finally {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(spool, { recursive: true, force: true });
  }
}

function privateDirty(pid: number): number {
  return Number(/^Private_Dirty: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024;
}
