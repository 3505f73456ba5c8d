// The configuration of this process, read from its environment; the environment forgets its secrets.

import { readFileSync, statSync } from 'node:fs';
import { type Config, parseConfig } from '../config/parse.ts';
import { PREFIX } from '../config/variables.ts';
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
  if ('config' in result) return result.config;
  for (const mistake of result.mistakes) process.stderr.write(`gatepost: ${mistake}\n`);
  process.exitCode = EXIT.configuration;
  return undefined;
}
