// Programs of this system, and the scripts of this project, run to their end.

import { execFileSync } from 'node:child_process';
import { CommandFailed } from './command.ts';
import { ROOT } from './paths.ts';

/** Where .ci/run unpacks Exim, which can't be installed beside Postfix. */
const UNPACKED = '/opt/gatepost-test/usr/sbin';

/** PATH with the folders of the administrator's programs, which an ordinary user's lacks. */
export function searchPath(): string {
  return `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:${UNPACKED}`;
}

/** The program's absolute path; throws when it is not installed. */
export function whereIs(program: string): string {
  return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8', env: { PATH: searchPath() } }).trim();
}

/** Whether the program is on the search path. */
export function isInstalled(program: string): boolean {
  try {
    return whereIs(program) !== '';
  } catch {
    return false;
  }
}

/**
 * Runs a program that the Debian packages `from` bring; returns what it writes on standard output. Throws a
 * `CommandFailed` that names them when it is missing, and Node's error when its exit code is not 0.
 */
export function run(
  program: string,
  argv: readonly string[],
  from: string,
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): string {
  const env = { ...(options.env ?? process.env), PATH: searchPath() };
  try {
    return execFileSync(program, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 26, ...options, env });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new CommandFailed(`${program} is missing; on Debian: apt-get install ${from}`);
  }
}

/** Runs one of our own scripts, named from the project's folder, by this Node; its output goes where ours does. */
export function runScript(script: string, ...argv: readonly string[]): void {
  execFileSync(process.execPath, [script, ...argv], { cwd: ROOT, stdio: 'inherit' });
}
