// The bundle inside a Node binary, as Node's single executable application:
// https://nodejs.org/api/single-executable-applications.html
//
// Node makes the blob and postject puts it in: that is all that a packager would do for one bundled file,
// and it is the same for every architecture. A blob has fields of pointer size, so a 32-bit one is made by
// the 32-bit Node itself, under qemu-arm-static where need be.

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { inject } from 'postject';
import flags from '../../targets/runtime-flags.json' with { type: 'json' };
import { CommandFailed } from './command.ts';
import { BUNDLE, WORK } from './paths.ts';
import { run } from './run.ts';
import { type Architecture, RUNTIMES, runnerFor } from './runtimes.ts';

// What Node looks for in its own binary.
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const SECTION = 'NODE_SEA_BLOB';
// No signal opens the debugger, not even before the program has its own handler. Since Node 22.14; a Node that
// does not know a flag would refuse to start.
const PROTECTION = ['--disable-sigusr1'];

/** The version of the binary `node`, `v24.21.0`; throws when it does not run as a Node of that architecture. */
export function versionOf(architecture: Architecture, node: string): string {
  if (!existsSync(node)) throw new CommandFailed(`${node} is not there`);
  const [program, ...argv] = runnerFor(architecture, node);
  const version = run(program, [...argv, '--version'], 'qemu-user-static').trim();
  if (/^v\d+\.\d+\.\d+$/.test(version)) return version;
  throw new CommandFailed(`${node} is no Node for ${architecture}: it says ${JSON.stringify(version.slice(0, 80))}`);
}

/**
 * Makes the executable from the bundle and `node`, which has that version. Resolves with the path of the file, which
 * still has to get its name; rejects when `node` can't hold a program.
 */
export async function makeExecutable(architecture: Architecture, node: string, version: string): Promise<string> {
  const folder = `${WORK}${architecture}/`;
  mkdirSync(folder, { recursive: true });
  const blob = makeBlob(folder, runnerFor(architecture, node), version);
  const draft = `${folder}gatepost`;
  copyFileSync(node, draft);
  chmodSync(draft, 0o755);
  const { strip, binutils } = RUNTIMES[architecture];
  run(strip, [draft], binutils);
  if (!readFileSync(draft).includes(FUSE))
    throw new CommandFailed(`${node} can't hold a program: it was built without support for single executables`);
  await withoutKnownWarnings(() => inject(draft, SECTION, blob, { sentinelFuse: FUSE }));
  return draft;
}

/** The blob that Node finds the program in. Its paths are relative, so that the same bundle gives the same bytes. */
function makeBlob(folder: string, [program, ...argv]: readonly [string, ...string[]], version: string): Buffer {
  copyFileSync(BUNDLE, `${folder}gatepost.cjs`);
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
      ...(isFlagged ? { execArgv: [...flags.execArgv, ...PROTECTION.filter(knows)] } : {}),
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
