// The environment file that boards get: every variable as a commented line, by groups, from the same table as the
// README's.

import { VARIABLE_GROUPS } from '../../src/config/settings.ts';
import { PREFIX, shownDefault } from '../../src/config/variable.ts';

const WIDTH = 100;

/** The text of the file. */
export function environmentFile(): string {
  const blocks = VARIABLE_GROUPS.flatMap(({ heading, variables }) => [
    `## ${heading}`,
    ...variables.map((one) => {
      const shown = one.required === true ? 'Required.' : `Default: ${shownDefault(one)}`;
      const text = [...wrapped(one.meaning), ...wrapped(shown)].join('\n').replaceAll('`', '');
      return `${text}\n#${PREFIX}${one.name}=${one.example}`;
    }),
  ]);
  return `# Gatepost's configuration: one line for each variable, read at start. "gatepost check" explains what it means.
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
