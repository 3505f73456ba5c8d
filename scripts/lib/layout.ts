// The tree as it will lie on a board: the binary, the family's files, the environment file, and a private C library
// where the system has none that Node could use.

import { chmodSync, copyFileSync, existsSync, lutimesSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandFailed } from './command.ts';
import { environmentFile } from './environment-file.ts';
import type { Family } from './families.ts';
import { BIN, TARGETS } from './paths.ts';
import { run } from './run.ts';
import { type Architecture, RUNTIMES } from './runtimes.ts';

/** A package in the making. `folder` holds the tree; each file in it gets the date `time` (seconds since 1970). */
export type Staged = { readonly family: Family; readonly architecture: Architecture; readonly folder: string; readonly time: number };

// What Node needs of glibc and the compiler, and what glibc loads by itself to look names up.
const LIBRARIES = [
  ...['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'libresolv.so.2', 'librt.so.1'],
  ...['libnss_dns.so.2', 'libnss_files.so.2', 'libgcc_s.so.1', 'libstdc++.so.6', 'libatomic.so.1'],
];

/** Makes the tree. Throws when the binary or a library is missing. */
export function layOut(staged: Staged): void {
  const { family, architecture } = staged;
  const binary = `${BIN}gatepost-linux-${architecture}`;
  if (!existsSync(binary)) throw new CommandFailed(`${binary} is not there: npm run build:boards -- --arch ${architecture}`);
  put(staged, binary, family.binary, 0o755);
  for (const [from, { to, mode = '644' }] of Object.entries(family.files))
    put(staged, join(TARGETS, family.name, from), to, Number.parseInt(mode, 8));
  for (const [folder, mode] of Object.entries(family.folders ?? {})) finish(staged, folder, Number.parseInt(mode, 8));
  write(staged, family.environment, environmentFile(), 0o600); // a password may come to stand in it
  if (family.libraries !== undefined) addLibraries(staged, family.libraries);
}

/** Copies the file `from` into the tree. */
export function put(staged: Staged, from: string, to: string, mode: number): void {
  mkdirSync(dirname(join(staged.folder, to)), { recursive: true });
  copyFileSync(from, join(staged.folder, to));
  finish(staged, to, mode);
}

/** Writes `text` as a file of the tree. */
export function write(staged: Staged, to: string, text: string, mode: number): void {
  mkdirSync(dirname(join(staged.folder, to)), { recursive: true });
  writeFileSync(join(staged.folder, to), text);
  finish(staged, to, mode);
}

function finish({ folder, time }: Staged, path: string, mode: number): void {
  chmodSync(join(folder, path), mode);
  lutimesSync(join(folder, path), time, time);
}

/** A private C library, and the binary made to use it. After the blob was put in: before, that would break it. */
function addLibraries(staged: Staged, folder: string): void {
  const { interpreter } = RUNTIMES[staged.architecture];
  const from = libraryFolders(staged.architecture);
  for (const name of [interpreter, ...LIBRARIES]) {
    const found = from.map((place) => `${place}/${name}`).find((path) => existsSync(path));
    if (found === undefined) throw new CommandFailed(`${name} for ${staged.architecture} is in none of ${from.join(', ')}`);
    put(staged, found, `${folder}/${name}`, 0o755);
  }
  const binary = join(staged.folder, staged.family.binary);
  run('patchelf', ['--set-interpreter', `/${folder}/${interpreter}`, '--set-rpath', `/${folder}`, binary], 'patchelf');
}

function libraryFolders(architecture: Architecture): readonly string[] {
  const { libraries } = RUNTIMES[architecture];
  return libraries === undefined ? ['/lib/x86_64-linux-gnu', '/lib64', '/usr/lib/x86_64-linux-gnu'] : [`${libraries}/lib`];
}
