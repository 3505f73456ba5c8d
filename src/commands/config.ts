// `gatepost config [--json]`: every variable with its default and meaning.

import { parseArgs } from 'node:util';
import { type NamedVariable, VARIABLE_GROUPS, VARIABLES } from '../config/settings.ts';
import { PREFIX, shownDefault } from '../config/variable.ts';

/** Prints all variables by group, or as one JSON array. */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { json: { type: 'boolean' } } });
  process.stdout.write(values.json === true ? `${JSON.stringify(VARIABLES.map(forPrograms), null, 2)}\n` : forPeople());
}

const forPrograms = (one: NamedVariable) => ({
  name: PREFIX + one.name,
  default: one.default ?? null,
  required: one.required === true,
  meaning: one.meaning,
  example: one.example,
});

function forPeople(): string {
  const groups = VARIABLE_GROUPS.map(({ heading, variables }) => `${heading}\n\n${variables.map(describe).join('')}\n`);
  return `${groups.join('')}Each may also be given as NAME_FILE, a file that holds the value, or as a systemd credential (gatepost_upstream_password ...).
Sizes take k, M, G, KiB, MiB, GiB; durations s, m, h, d.
`;
}

function describe(one: NamedVariable): string {
  const standIn = one.required === true ? 'required' : `default: ${shownDefault(one)}`;
  return `  ${PREFIX}${one.name}\n    ${one.meaning.replaceAll('`', '')}\n    ${standIn}; example: ${one.example}\n`;
}
