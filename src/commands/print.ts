// What commands print. It contains addresses, names and replies that others wrote: none of them may control the
// terminal.

import { printable, printableJson } from '../smtp/printable.ts';

/** Prints lines for people. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${printable(line)}\n`).join(''));
}

/** Prints one line for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}
