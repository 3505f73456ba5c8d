// The configuration of this process, read from its environment. What was read is removed from process.env, so that
// nothing of ours is handed on to a child or shown by accident; /proc/PID/environ still has it, for this user and root.
// Who minds gives secrets as files or credentials.

import { readFileSync, statSync } from 'node:fs';
import { type Config, parseConfig, parseRelayLocation, type RelayLocation } from '../config/config.ts';
import { PREFIX } from '../config/variable.ts';
import { EXIT } from './exit.ts';

// A value's file is a key or a bundle of certificates at the most; a device file that never ends must not hang the start.
const LARGEST_FILE = 1024 * 1024;

function readFile(path: string): string {
  const { size } = statSync(path);
  if (size > LARGEST_FILE) throw new Error(`${path} is larger than ${LARGEST_FILE} octets`);
  return readFileSync(path, 'utf8');
}

/** The configuration, or undefined after the mistakes were printed to standard error, one a line, and the exit code set. */
export function configFromEnvironment(): Config | undefined {
  const result = parseConfig(process.env, readFile);
  for (const name of Object.keys(process.env)) if (name.startsWith(PREFIX)) delete process.env[name];
  return 'config' in result ? result.config : complain(result.mistakes);
}

/** The same for commands that only need to find the relay and its spool. */
export function relayLocationFromEnvironment(): RelayLocation | undefined {
  const result = parseRelayLocation(process.env, readFile);
  return 'mistakes' in result ? complain(result.mistakes) : result;
}

/** Does `work` with the running relay's control socket; says so, with exit code 69, when no relay is there. */
export async function withRelay(work: (socket: string) => Promise<void>): Promise<void> {
  const where = relayLocationFromEnvironment();
  if (where === undefined) return;
  try {
    await work(where.controlSocket);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isAway = code === 'ENOENT' || code === 'ECONNREFUSED';
    process.stderr.write(`gatepost: ${isAway ? `no relay is running with ${where.controlSocket}` : message}\n`);
    process.exitCode = EXIT.unavailable;
  }
}

function complain(mistakes: readonly string[]): undefined {
  for (const mistake of mistakes) process.stderr.write(`gatepost: ${mistake}\n`);
  process.exitCode = EXIT.configuration;
}
