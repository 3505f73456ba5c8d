// The configuration of this process, read from its environment. What was read is removed from process.env, so that
// secrets are not passed to child processes or shown by accident. /proc/PID/environ still has them, for this user and
// root; secrets that are given as files or credentials are not there.

import { readFileSync, statSync } from 'node:fs';
import { type Config, parseConfig, parseRelayLocation, type RelayLocation } from '../config/config.ts';
import { PREFIX } from '../config/variable.ts';
import { codeOf, problemOf } from '../system/problem.ts';
import { EXIT } from './exit.ts';

// Octets. The largest value is a bundle of certificates; a device file that never ends must not hang the start.
const LARGEST_FILE = 1024 * 1024;

function readFile(path: string): string {
  const { size } = statSync(path);
  if (size > LARGEST_FILE) throw new Error(`it is larger than ${LARGEST_FILE} octets`);
  return readFileSync(path, 'utf8');
}

/**
 * The configuration. Where there are mistakes, prints one line for each, sets the exit code to 78 and gives undefined.
 */
export function configFromEnvironment(): Config | undefined {
  const result = parseConfig(process.env, readFile);
  for (const name of Object.keys(process.env)) if (name.startsWith(PREFIX)) delete process.env[name];
  return 'config' in result ? result.config : complain(result.mistakes);
}

/** The same for commands that only need to find the relay and its spool; other variables are not looked at. */
export function relayLocationFromEnvironment(): RelayLocation | undefined {
  const result = parseRelayLocation(process.env, readFile);
  return 'mistakes' in result ? complain(result.mistakes) : result;
}

/**
 * Does `work` with the path of the running relay's control socket. When that fails, prints why and sets the exit code
 * to 69.
 */
export async function withRelay(work: (socket: string) => Promise<void>): Promise<void> {
  const where = relayLocationFromEnvironment();
  if (where === undefined) return;
  try {
    await work(where.controlSocket);
  } catch (error) {
    const isAway = ['ENOENT', 'ECONNREFUSED'].includes(codeOf(error) ?? '');
    process.stderr.write(`gatepost: ${isAway ? `no relay is running with ${where.controlSocket}` : problemOf(error)}\n`);
    process.exitCode = EXIT.unavailable;
  }
}

function complain(mistakes: readonly string[]): undefined {
  for (const mistake of mistakes) process.stderr.write(`gatepost: ${mistake}\n`);
  process.exitCode = EXIT.configuration;
}
