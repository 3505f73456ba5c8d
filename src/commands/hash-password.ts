// `gatepost hash-password`: a password from standard input as a line for GATEPOST_DEVICE_USERS.

import { createInterface } from 'node:readline/promises';
import { hashPassword } from '../server/users.ts';
import { EXIT } from './exit.ts';

/** Prints the hash of the first line of standard input; exit code 64 when that is empty. */
export async function run(): Promise<void> {
  if (process.stdin.isTTY) process.stderr.write('Password (it is shown as you type): ');
  for await (const password of createInterface({ input: process.stdin })) {
    if (password === '') break;
    process.stdout.write(`${await hashPassword(password)}\n`);
    return;
  }
  process.stderr.write('gatepost: no password came on standard input\n');
  process.exitCode = EXIT.usage;
}
