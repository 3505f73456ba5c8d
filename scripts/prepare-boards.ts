// Usage: npm test calls it
//
// Makes the binaries and packages that test/boards tries, where the programs for that are installed. Says
// what is missing where they are not: those tests are then skipped, or fail in CI.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { command } from './lib/command.ts';
import { BIN, BUNDLE, PACKAGES, ROOT } from './lib/paths.ts';
import { isInstalled, runScript } from './lib/run.ts';
import { ARCHITECTURES, BOARD_TOOLS } from './lib/runtimes.ts';

await command(import.meta, {
  run() {
    const missing = BOARD_TOOLS.filter((program) => !isInstalled(program));
    if (missing.length > 0) return void process.stdout.write(`no board binaries are made: ${missing.join(', ')} missing\n`);
    const binaries = ARCHITECTURES.map((one) => `${BIN}gatepost-linux-${one}`);
    const makers = ['boards.ts', 'lib/executable.ts', 'lib/sbom.ts'].map((name) => `${ROOT}scripts/${name}`);
    if (!isNewer(binaries, [BUNDLE, ...filesIn('targets'), ...makers])) runScript('scripts/boards.ts');
    if (!isNewer([`${PACKAGES}SHA256SUMS`], [...binaries, ...filesIn('targets'), ...filesIn('scripts')]))
      runScript('scripts/pack.ts', '--quick');
  },
});

/** Whether each of `made` is there, and newer than all that it is made of. */
function isNewer(made: readonly string[], from: readonly string[]): boolean {
  const ages = (paths: readonly string[]) => paths.map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0));
  return Math.min(...ages(made)) > Math.max(...ages(from));
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' }).map((name) => `${ROOT}${folder}/${name}`);
}
