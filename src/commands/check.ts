// `gatepost check [--connect]`: the configuration, explained, and with --connect each upstream tried: the login, and
// MAIL and RCPT with the addresses that the relay would use, but no message. Exit code 78 with one line for each
// mistake, 77 when a login is refused, 69 when an upstream cannot be reached or does not take the addresses, 75 when it
// does not just now.

import { parseArgs } from 'node:util';
import type { Config } from '../config/config.ts';
import { formatMailbox } from '../smtp/address.ts';
import { quit, reset } from '../upstream/dialogue.ts';
import { rehearse } from '../upstream/transaction.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import { configFromEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';
import { explain, mebibytes } from './explain.ts';
import { print } from './print.ts';
import { printFailure, senderFor, targetsOf, tryToConnect } from './try-upstream.ts';

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
  const from = senderFor(config, target);
  const to = config.rewriting.recipient ?? config.delivery.bounceTo ?? from;
  const failure = await rehearse(connection, { reversePath: from, recipients: [{ forwardPath: to }], parameters: {} });
  if (failure === undefined && (await reset(connection.wire))) {
    print(`  takes mail from ${formatMailbox(from)} to ${formatMailbox(to)}; nothing was sent`, '  all is well');
  } else if (failure !== undefined) {
    print(`  mail from ${formatMailbox(from)} to ${formatMailbox(to)}:`);
    printFailure(failure);
    process.exitCode = (failure.reply?.code ?? 0) < 500 ? EXIT.temporary : EXIT.unavailable;
  }
  await quit(connection.wire);
}
