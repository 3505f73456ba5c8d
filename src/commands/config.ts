// `gatepost config [--json]`: every variable with its default and meaning.

import { parseArgs } from 'node:util';
import { PREFIX, VARIABLES, type Variable } from '../config/variables.ts';

export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { json: { type: 'boolean' } } });
  const all = Object.entries(VARIABLES) as [string, Variable<unknown>][];
  if (values.json === true) {
    const plain = all.map(([name, one]) => ({
      name: PREFIX + name,
      default: one.default ?? null,
      required: one.required === true,
      meaning: one.meaning,
      example: one.example,
    }));
    process.stdout.write(`${JSON.stringify(plain, null, 2)}\n`);
    return;
  }
  for (const [name, one] of all)
    process.stdout.write(`${PREFIX}${name}\n    ${one.meaning.replaceAll('`', '')}\n    ${defaultOf(one)}; example: ${one.example}\n`);
  process.stdout.write(
    `\nEach may also be given as NAME_FILE, a file that holds the value, or as a systemd credential (gatepost_upstream_password ...).\nSizes take k, M, G, KiB, MiB, GiB; durations s, m, h, d.\n`,
  );
}

/** `default: x`, `required`, or `default: none`. */
export function defaultOf(one: Variable<unknown>): string {
  if (one.required === true) return 'required';
  return `default: ${one.default ?? one.defaultShown ?? 'none'}`;
}
