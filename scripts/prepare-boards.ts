// Usage: npm test calls it
//
// Makes the binaries and packages that test/boards tries, where the programs for that are installed. Says
// what is missing where they are not: those tests are then skipped, or fail in CI.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
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
    const ages = (paths: readonly string[]) => paths.map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0));
    const binaries = ARCHITECTURES.map((one) => `${ROOT}dist/bin/gatepost-linux-${one}`);
    const isMade =
      Math.min(...ages(binaries)) > Math.max(...ages([`${ROOT}dist/gatepost.cjs`, ...filesIn('targets'), `${ROOT}scripts/boards.ts`]));
    if (!isMade) node('scripts/boards.ts');
    const isPacked =
      Math.max(0, ...ages([`${ROOT}dist/packages/SHA256SUMS`])) >
      Math.max(...ages([...binaries, ...filesIn('targets'), ...filesIn('scripts')]));
    if (!isPacked) node('scripts/pack.ts', '--quick');
  }
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' }).map((name) => `${ROOT}${folder}/${name}`);
}

function node(...argv: readonly string[]): void {
  execFileSync(process.execPath, argv, { cwd: ROOT, stdio: 'inherit' });
}
