// `gatepost status [--watch | --json]`: what the running relay is doing.

import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { askStatus } from '../ops/control.ts';
import { formatStatus } from '../ops/status.ts';
import { whereaboutsFromEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';

const EVERY = 2_000;

export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { json: { type: 'boolean' }, watch: { type: 'boolean' } } });
  const where = whereaboutsFromEnvironment();
  if (where === undefined) return;
  try {
    for (;;) {
      const status = await askStatus(where.controlSocket);
      process.stdout.write(
        values.json === true
          ? `${JSON.stringify(status)}\n`
          : `${values.watch === true ? '\u001b[H\u001b[J' : ''}${formatStatus(status).join('\n')}\n`,
      );
      if (values.watch !== true) return;
      await setTimeout(EVERY);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isAway = code === 'ENOENT' || code === 'ECONNREFUSED';
    process.stderr.write(`gatepost: ${isAway ? `no relay is running with ${where.controlSocket}` : message}\n`);
    process.exitCode = EXIT.unavailable;
  }
}
