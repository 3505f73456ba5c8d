// Usage: node scripts/try-start.ts [FOLDER [SECONDS]]
//
// Runs "npm start" in FOLDER (a clone of this project where "npm ci" was done; this one by default) until the
// demonstration says that its alert was delivered, for SECONDS (120) at the most. Then ends npm by its process
// id with SIGTERM, and checks that it ends by itself with exit code 0, that no process of its session is left,
// and that the demonstration's folder is gone. .ci/run does this in a fresh clone. Exit code 1 with a line a
// failure.

import { command, wholeNumber } from './lib/command.ts';
import { ROOT } from './lib/paths.ts';
import { tryStart } from './lib/trial.ts';

await command(import.meta, {
  operands: 2,
  async run(_, [project = ROOT, seconds = '120']) {
    const { failures, output } = await tryStart(project, wholeNumber(seconds));
    process.stdout.write(output);
    for (const failure of failures) process.stderr.write(`try-start: ${failure}\n`);
    if (failures.length === 0) process.stdout.write('try-start: "npm start" delivered its alert, and ended in order\n');
    process.exitCode = failures.length === 0 ? 0 : 1;
  },
});
