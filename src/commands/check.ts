// `gatepost check [--connect]`: the configuration, explained, and with --connect each upstream tried up to the login.
// Exit code 78 with one line for each mistake, 77 when a login is refused, 69 when an upstream cannot be reached.

import { parseArgs } from 'node:util';
import type { Config } from '../config/config.ts';
import { quit } from '../upstream/dialogue.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import { configFromEnvironment } from './environment.ts';
import { explain, mebibytes } from './explain.ts';
import { print } from './print.ts';
import { targetsOf, tryToConnect } from './try-upstream.ts';

/** Prints the explanation, and with --connect what each upstream answers. */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { connect: { type: 'boolean' } } });
  const config = configFromEnvironment();
  if (config === undefined) return;
  print(...explain(config));
  if (values.connect === true) for (const target of await targetsOf(config)) await tryUpstream(config, target);
}

async function tryUpstream(config: Config, target: UpstreamTarget): Promise<void> {
  const connection = await tryToConnect(config, target);
  if (connection === undefined) return;
  const { sizeLimit } = connection.capabilities;
  print(sizeLimit === undefined ? '  takes messages of any size' : `  takes messages of up to ${mebibytes(sizeLimit)}`);
  await quit(connection.wire);
  print('  all is well');
}
