// Usage: node scripts/check-docs.ts [FOLDER [PART...]]
//
// Holds the documentation of the source in FOLDER (src by default) to what `deno doc --lint` asks: every exported
// function, class and type has a docstring, and every method of an exported class or type, a property that is a
// function included. A method needs none where its class implements an interface that documents it, or overrides.
// Comments end at column 120. PART (a folder or a file below FOLDER) looks at those only.
// Prints a line for each miss, then the shares; exit code 1 if there was a miss.

import { command } from './lib/command.ts';
import { checkDocs } from './lib/documentation.ts';

await command(import.meta, {
  operands: Number.POSITIVE_INFINITY,
  run: (_, [folder = 'src', ...parts]) => {
    const { misses, shares } = checkDocs(folder, parts);
    process.stdout.write([...misses, `documented: ${shares}`, ''].join('\n'));
    if (misses.length > 0) process.exitCode = 1;
  },
});
