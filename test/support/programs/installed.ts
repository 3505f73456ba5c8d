// Programs that others wrote, from Debian's packages. A missing one fails in CI and is a visible skip elsewhere.

import { spawn } from 'node:child_process';
import { describe } from 'vitest';
import { isInstalled, searchPath } from '../../../scripts/lib/run.ts';
import { finished } from '../processes.ts';

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
    env: { ...process.env, PATH: searchPath() },
  });
  child.stdin.on('error', () => {}); // it may not want to read all
  child.stdin.end(input);
  return finished(child);
}
