// `gatepost status [--watch | --json]`: what the running relay is doing.

import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { askStatus } from '../ops/control-client.ts';
import { formatStatus } from '../ops/status.ts';
import { withRelay } from './environment.ts';

const EVERY = 2_000;

export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { json: { type: 'boolean' }, watch: { type: 'boolean' } } });
  await withRelay(async (socket) => {
    for (;;) {
      const status = await askStatus(socket);
      process.stdout.write(
        values.json === true
          ? `${JSON.stringify(status)}\n`
          : `${values.watch === true ? '\u001b[H\u001b[J' : ''}${formatStatus(status).join('\n')}\n`,
      );
      if (values.watch !== true) return;
      await setTimeout(EVERY);
    }
  });
}
