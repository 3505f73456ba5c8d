// The environment file that boards get: every variable as a commented line, from the same table as the README's.

import { PREFIX, VARIABLES, type Variable } from '../../src/config/variables.ts';

const WIDTH = 100;

/** The whole text of the file. */
export function environmentFile(): string {
  const blocks = (Object.entries(VARIABLES) as [string, Variable<unknown>][]).map(([name, one]) => {
    const shown = one.required === true ? 'Required.' : `Default: ${one.default ?? one.defaultShown ?? 'none'}`.replaceAll('`', '');
    return [...wrapped(one.meaning.replaceAll('`', '')), ...wrapped(shown), `#${PREFIX}${name}=${one.example}`].join('\n');
  });
  return `# Gatepost's configuration: a line a variable, read at start. "gatepost check" explains what it makes of it.
# Any of them may be given as NAME_FILE, a file that holds the value.

${blocks.join('\n\n')}
`;
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
