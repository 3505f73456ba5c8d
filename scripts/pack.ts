// Usage: npm run pack [-- [--target debian,openwrt,overlay] [--arch arm64,armv7,x64] [--quick]]
//
// Makes dist/packages/: what is flashed or installed, from the binaries in dist/bin and the families in
// targets/. --quick compresses little, for tests. The same binaries give the same bytes.

import { mkdirSync, rmSync, statSync } from 'node:fs';
import { commitTime } from './lib/bundle.ts';
import { chosen, command } from './lib/command.ts';
import { readFamilies } from './lib/families.ts';
import { layOut, type Staged } from './lib/layout.ts';
import { packDebian, packTarball } from './lib/package.ts';
import { PACKAGES, ROOT, WORK } from './lib/paths.ts';
import { ARCHITECTURES } from './lib/runtimes.ts';
import { writeSums } from './lib/sums.ts';

await command(import.meta, {
  options: { target: { type: 'string' }, arch: { type: 'string' }, quick: { type: 'boolean' } },
  run({ target, arch, quick = false }) {
    const families = readFamilies();
    const architectures = chosen(arch, ARCHITECTURES);
    const time = commitTime();
    const names = chosen(target, [...families.keys()]);
    mkdirSync(PACKAGES, { recursive: true });
    for (const family of [...families.values()].filter(({ name }) => names.includes(name))) {
      for (const architecture of family.architectures.filter((one) => architectures.includes(one))) {
        const staged: Staged = { family, architecture, folder: `${WORK}${family.name}-${architecture}`, time };
        rmSync(staged.folder, { recursive: true, force: true });
        layOut(staged);
        const made = family.package === 'deb' ? packDebian(staged, quick) : packTarball(staged, quick);
        process.stdout.write(`${family.title}: ${made.slice(ROOT.length)}, ${(statSync(made).size / 2 ** 20).toFixed(1)} MiB\n`);
      }
    }
    writeSums(PACKAGES);
  },
});
