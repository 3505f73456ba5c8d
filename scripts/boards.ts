// Usage: npm run build:boards [-- [--arch arm64,armv7,x64] [--runtime ARCH=FILE ...]]
//
// Makes dist/bin/gatepost-linux-ARCH: the bundle inside a stripped Node binary of that architecture, as
// Node's single executable application. Beside each its CycloneDX bill of materials, and SHA256SUMS over
// what lies in dist/bin. --runtime names another Node binary for an architecture (20.11 or newer), in place
// of the pinned one from npm.

import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { buildBundle, commitTime } from './lib/bundle.ts';
import { chosen, command } from './lib/command.ts';
import { makeExecutable, versionOf } from './lib/executable.ts';
import { BIN, ROOT } from './lib/paths.ts';
import { ARCHITECTURES, type Architecture, fetchRuntime } from './lib/runtimes.ts';
import { billOfMaterials } from './lib/sbom.ts';
import { writeSums } from './lib/sums.ts';

await command(import.meta, {
  options: { arch: { type: 'string' }, runtime: { type: 'string', multiple: true } },
  async run({ arch, runtime = [] }) {
    const architectures = chosen(arch, ARCHITECTURES);
    const given = new Map(runtime.map(readRuntime));
    mkdirSync(BIN, { recursive: true });
    await buildBundle();
    for (const architecture of architectures) await makeBinary(architecture, given.get(architecture));
    writeSums(BIN);
    process.stdout.write('dist/bin/SHA256SUMS, and beside each binary its bill of materials\n');
  },
});

/** `ARCH=FILE` */
function readRuntime(word: string): readonly [Architecture, string] {
  const [name = '', ...file] = word.split('=');
  const [architecture = 'x64'] = chosen(name, ARCHITECTURES);
  return [architecture, file.join('=')];
}

/** `given`: the Node to take in place of the pinned one. */
async function makeBinary(architecture: Architecture, given: string | undefined): Promise<void> {
  const say = (text: string) => void process.stdout.write(`${architecture.padEnd(6)} ${text}\n`);
  const node = given ?? fetchRuntime(architecture, say);
  const version = versionOf(architecture, node);
  say(`Node ${version}${given === undefined ? '' : `, as given: ${node}`}`);
  const draft = await makeExecutable(architecture, node, version);
  // Whoever runs the old one goes on with it: the new one gets its name only when it is whole.
  const target = `${BIN}gatepost-linux-${architecture}`;
  renameSync(draft, target);
  writeFileSync(`${target}.cdx.json`, billOfMaterials(architecture, version, given === undefined, commitTime()));
  say(`${target.slice(ROOT.length)}: ${Math.round(statSync(target).size / 2 ** 20)} MiB`);
}
