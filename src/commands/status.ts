// `gatepost status [--watch | --json]`: what the running relay is doing.

import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ask } from '../ops/control/client.ts';
import { formatStatus } from '../ops/status.ts';
import { withRelay } from './environment.ts';
import { print, printJson } from './print.ts';

// Milliseconds between two screens of --watch.
const EVERY = 2_000;
const CLEAR_SCREEN = '\u001b[H\u001b[J';

/** Prints the status once, or again and again with --watch. */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { json: { type: 'boolean' }, watch: { type: 'boolean' } } });
  await withRelay(async (socket) => {
    for (;;) {
      const status = await ask(socket, 'status', {});
      if (values.json === true) printJson(status);
      else {
        if (values.watch === true) process.stdout.write(CLEAR_SCREEN);
        print(...formatStatus(status));
      }
      if (values.watch !== true) return;
      await setTimeout(EVERY);
    }
  });
}
