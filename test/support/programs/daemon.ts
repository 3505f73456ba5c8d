// A server program in the foreground, on a port of loopback that it was given; ended by its process.

import { spawn } from 'node:child_process';
import { isListening } from '../../../scripts/lib/ports.ts';
import { searchPath } from '../../../scripts/lib/run.ts';
import { killAtExit } from '../processes.ts';

/** Resolves when it listens on `port`; rejects with what it says when it ends before. */
export async function startDaemon(program: string, argv: readonly string[], port: number): Promise<{ stop(): Promise<void> }> {
  const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH: searchPath() } });
  killAtExit(child);
  let problem = '';
  child.stderr.on('data', (chunk: Buffer) => {
    problem += chunk.toString();
  });
  let isOver = false;
  const ended = new Promise<void>((resolve) =>
    child.on('exit', () => {
      isOver = true;
      resolve();
    }),
  );
  while (!(await isListening(port))) {
    if (isOver) throw new Error(`${program} did not start: ${problem}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
