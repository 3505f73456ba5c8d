// What commands print. Addresses, names and replies of others are among it: none of them may move the cursor of
// who reads.

import { printable, printableJson } from '../smtp/printable.ts';

/** Lines for people. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${printable(line)}\n`).join(''));
}

/** One line for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}
