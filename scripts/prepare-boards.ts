// Usage: npm test calls it
//
// Makes the binaries and packages that test/boards tries, where the programs for that are installed. Says
// what is missing where they are not: those tests are then skipped, or fail in CI.

import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { isInstalled } from '../test/support/programs.ts';
import { ARCHITECTURES, ROOT, RUNTIMES } from './runtimes.ts';

/** What building and trying the boards needs of Debian. */
export const BOARD_TOOLS: readonly string[] = [
  ...ARCHITECTURES.flatMap((one) => [RUNTIMES[one].strip, ...(RUNTIMES[one].emulator === undefined ? [] : [RUNTIMES[one].emulator ?? ''])]),
  ...['patchelf', 'dpkg-deb', 'tar', 'gzip'],
];

if (import.meta.main) {
  const missing = BOARD_TOOLS.filter((program) => !isInstalled(program));
  if (missing.length > 0) process.stdout.write(`no board binaries are made: ${missing.join(', ')} missing\n`);
  else {
    const bundle = statSync(`${ROOT}dist/gatepost.cjs`).mtimeMs;
    const isOld = (path: string) => !existsSync(path) || statSync(path).mtimeMs < bundle;
    if (ARCHITECTURES.some((one) => isOld(`${ROOT}dist/bin/gatepost-linux-${one}`))) node('scripts/boards.ts');
    node('scripts/pack.ts', '--quick');
  }
}

function node(...argv: readonly string[]): void {
  execFileSync(process.execPath, argv, { cwd: ROOT, stdio: 'inherit' });
}
