// Programs that others wrote, from Debian's packages. A missing one fails in CI and is a visible skip elsewhere.

import { execFileSync, spawn } from 'node:child_process';
import { describe } from 'vitest';
import { finished } from './relay-process.ts';

/** Where .ci/run unpacks what can't be installed beside others. */
const UNPACKED = '/opt/gatepost-test/usr/sbin';

export function pathWithTestPrograms(): string {
  return `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:${UNPACKED}`;
}

/** The program's absolute path; throws when it is not there. */
export function whereIs(program: string): string {
  return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8', env: { PATH: pathWithTestPrograms() } }).trim();
}

export function isInstalled(program: string): boolean {
  try {
    return whereIs(program) !== '';
  } catch {
    return false;
  }
}

/** `describe` for tests that need these programs, and perhaps root. */
export function describeWith(programs: readonly string[], name: string, body: () => void, needsRoot = false): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (needsRoot && process.getuid?.() !== 0) missing.push('root');
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  if (process.env['CI'] !== undefined) {
    describe(name, () => {
      throw new Error(`${missing.join(', ')} missing: .ci/run installs what the tests need`);
    });
    return;
  }
  describe.skip(`${name} (needs ${missing.join(', ')})`, body);
}

/** Runs a program with `input` to its end. */
export async function runWith(input: string | Buffer, program: string, ...argv: string[]) {
  const child = spawn(program, argv, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PATH: pathWithTestPrograms() },
  });
  child.stdin.on('error', () => {}); // it may not want to read all
  child.stdin.end(input);
  return finished(child);
}
