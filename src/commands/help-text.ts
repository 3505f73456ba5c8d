// How commands are used: for `gatepost help`, `gatepost COMMAND --help`, and for those who used one wrongly. Made from
// the table of commands.

import { EXIT } from './exit.ts';
import { COMMAND_ROWS, COMMANDS, type CommandName } from './table.ts';
import { synopsis, type Usage } from './usage.ts';

/** Markdown as a terminal shows it. */
const plain = (text: string) => text.replaceAll('`', '');

// Where the summaries begin in the list of all commands.
const COLUMN = 28;

/** A line or two for each way to use each command. */
export function overview(): string {
  const lines = COMMAND_ROWS.flatMap(([name, { usages }]) =>
    usages.map((usage) => {
      const head = `  ${synopsis(name, usage)}`;
      return `${head.length <= COLUMN - 2 ? head.padEnd(COLUMN) : `${head}\n${' '.repeat(COLUMN)}`}${plain(usage.summary)}\n`;
    }),
  );
  return lines.join('');
}

/** What `gatepost NAME --help` prints. */
export function helpOn(name: CommandName): string {
  const blocks = usagesOf(name).map((usage) => {
    const details = usage.details === undefined ? '' : `    ${plain(usage.details)}\n`;
    return `${synopsis(name, usage)}\n    ${plain(usage.summary)}\n${details}`;
  });
  return blocks.join('\n');
}

const usagesOf = (name: CommandName): readonly Usage[] => COMMANDS[name].usages;

/** Complains in one line that the command was used wrongly, with exit code 64. */
export function wrongUse(name: CommandName): void {
  const usages = usagesOf(name);
  const examples = usages.flatMap(({ example }) => (example === undefined ? [] : [`, for example gatepost ${name} ${example}`]));
  process.stderr.write(`gatepost: usage: gatepost ${name} ${usages.map(({ words }) => words).join(' | ')}${examples.join('')}\n`);
  process.exitCode = EXIT.usage;
}
