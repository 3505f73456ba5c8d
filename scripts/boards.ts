// Usage: npm run build:boards [-- [--arch arm64,armv7,x64] [--runtime ARCH=FILE ...]]
//
// Makes dist/bin/gatepost-linux-ARCH: the bundle inside a stripped Node binary of that architecture, as
// Node's single executable application. Beside each its CycloneDX bill of materials, and SHA256SUMS over
// what lies in dist/bin. --runtime names another Node binary for an architecture (20.11 or newer), in place
// of the pinned one from npm.
//
// Node makes the blob and postject puts it in: that is all that a packager would do for one bundled file,
// and it is the same for every architecture. A blob has fields of pointer size, so a 32-bit one is made by
// the 32-bit Node itself, under qemu-arm-static where need be.

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { inject } from 'postject';
import limits from '../targets/limits.json' with { type: 'json' };
import { buildBundle, commitTime } from './build.ts';
import { ARCHITECTURES, type Architecture, fetchRuntime, ROOT, RUNTIMES, run, runnerFor } from './runtimes.ts';
import { billOfMaterials } from './sbom.ts';
import { writeSums } from './sums.ts';

const BIN = `${ROOT}dist/bin/`;
const WORK = `${ROOT}dist/work/`;
// What Node looks for in its own binary: https://nodejs.org/api/single-executable-applications.html
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const SECTION = 'NODE_SEA_BLOB';
// No signal opens the debugger, not even before the program has its own handler. Since Node 22.14; a Node that
// does not know a flag would refuse to start.
const PROTECTION = ['--disable-sigusr1'];

const { values } = parseArgs({
  options: { arch: { type: 'string' }, runtime: { type: 'string', multiple: true }, help: { type: 'boolean' } },
});
if (values.help === true) {
  process.stdout.write(
    'npm run build:boards [-- [--arch arm64,armv7,x64] [--runtime ARCH=FILE ...]]: one binary an architecture into dist/bin\n',
  );
  process.exit(0);
}

const chosen = (values.arch?.split(',') ?? ARCHITECTURES).map(architectureOf);
const given = new Map(
  (values.runtime ?? []).map((one): [Architecture, string] => {
    const equals = one.indexOf('=');
    return [architectureOf(one.slice(0, Math.max(equals, 0))), one.slice(equals + 1)];
  }),
);

function architectureOf(name: string): Architecture {
  const found = ARCHITECTURES.find((one) => one === name);
  if (found === undefined) return fail(`${JSON.stringify(name)} is none of ${ARCHITECTURES.join(', ')}`);
  return found;
}

function fail(problem: string): never {
  process.stderr.write(`build:boards: ${problem}\n`);
  process.exit(1);
}

const say = (architecture: string, text: string) => void process.stdout.write(`${architecture.padEnd(6)} ${text}\n`);

mkdirSync(BIN, { recursive: true });
await buildBundle();
for (const architecture of chosen) {
  const node = given.get(architecture) ?? fetchRuntime(architecture, (text) => say(architecture, text));
  if (!existsSync(node)) fail(`${node} is not there`);
  const [program, ...argv] = runnerFor(architecture, node);
  const version = run(program, [...argv, '--version'], 'qemu-user-static').trim();
  if (!/^v\d+\.\d+\.\d+$/.test(version)) fail(`${node} is no Node for ${architecture}: it says ${JSON.stringify(version.slice(0, 80))}`);
  say(architecture, `Node ${version}${given.has(architecture) ? `, as given: ${node}` : ''}`);
  const blob = makeBlob(architecture, node, version);
  const target = `${BIN}gatepost-linux-${architecture}`;
  // Whoever runs the old one goes on with it: the new one gets its name only when it is whole.
  const draft = `${WORK}${architecture}/gatepost`;
  copyFileSync(node, draft);
  chmodSync(draft, 0o755);
  const { strip, binutils } = RUNTIMES[architecture];
  run(strip, [draft], binutils);
  if (!readFileSync(draft).includes(FUSE)) fail(`${node} can't hold a program: it was built without support for single executables`);
  await withoutKnownWarnings(() => inject(draft, SECTION, blob, { sentinelFuse: FUSE }));
  renameSync(draft, target);
  writeFileSync(`${target}.cdx.json`, billOfMaterials(architecture, version, !given.has(architecture), commitTime()));
  say(architecture, `${target.slice(ROOT.length)}: ${Math.round(statSync(target).size / 2 ** 20)} MiB`);
}
writeSums(BIN);
process.stdout.write('dist/bin/SHA256SUMS, and beside each binary its bill of materials\n');

/** The blob that Node finds the program in. All paths in it are relative, so that the same bundle gives the same bytes. */
function makeBlob(architecture: Architecture, node: string, version: string): Buffer {
  const folder = `${WORK}${architecture}/`;
  mkdirSync(folder, { recursive: true });
  copyFileSync(`${ROOT}dist/gatepost.cjs`, `${folder}gatepost.cjs`);
  const [program, ...argv] = runnerFor(architecture, node);
  const isFlagged = Number(/^v(\d+)/.exec(version)?.[1]) >= 22; // before, the field is unknown
  const knows = (flag: string) => spawnSync(program, [...argv, flag, '--version']).status === 0;
  writeFileSync(
    `${folder}sea.json`,
    JSON.stringify({
      main: 'gatepost.cjs',
      output: 'gatepost.blob',
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: false,
      ...(isFlagged ? { execArgv: [...limits.execArgv, ...PROTECTION.filter(knows)] } : {}),
    }),
  );
  run(program, [...argv, '--experimental-sea-config', 'sea.json'], 'qemu-user-static libc6-armhf-cross', { cwd: folder });
  return readFileSync(`${folder}gatepost.blob`);
}

/** Stripping leaves notes without a name, which postject's LIEF remarks upon for each; the binary is none the worse. */
async function withoutKnownWarnings(work: () => Promise<void>): Promise<void> {
  const { error } = console;
  const warn = console.warn;
  const quietly =
    (say: typeof error) =>
    (...words: unknown[]) => {
      if (!/^warning: Can't find string offset for section name '\.note/.test(String(words[0]))) say(...words);
    };
  console.error = quietly(error);
  console.warn = quietly(warn);
  try {
    await work();
  } finally {
    console.error = error;
    console.warn = warn;
  }
}
