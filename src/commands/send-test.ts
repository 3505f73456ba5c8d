// `gatepost send-test ADDRESS`: sends a message of our own over the first upstream that takes it, and prints each step.
// It does not use the spool, so it works whether or not a relay is running.

import { parseArgs } from 'node:util';
import type { Config } from '../config/config.ts';
import { formatDate } from '../message/date.ts';
import { formatField } from '../message/field.ts';
import { formatMailbox, type Mailbox, parseMailbox } from '../smtp/address.ts';
import { describeReply } from '../smtp/reply.ts';
import { systemClock } from '../system/clock.ts';
import { systemRandom } from '../system/random.ts';
import { quit } from '../upstream/dialogue.ts';
import { transact } from '../upstream/transaction.ts';
import type { Outcome } from '../vocabulary/attempt.ts';
import { configFromEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';
import { wrongUse } from './help-text.ts';
import { print } from './print.ts';
import { printFailure, senderFor, targetsOf, tryToConnect } from './try-upstream.ts';

/**
 * Sends the message; exit code 0 when an upstream took it, 75 when it refused for now, 69 when none took it, 77 for a
 * login.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const { positionals } = parseArgs({ args: [...argv], allowPositionals: true });
  const to = positionals.length === 1 ? parseMailbox(positionals[0] ?? '', { utf8: true }) : 'syntax';
  if (typeof to === 'string' || to.domain === '') {
    return wrongUse('send-test');
  }
  const config = configFromEnvironment();
  if (config === undefined) return;
  for (const target of await targetsOf(config)) {
    const connection = await tryToConnect(config, target);
    if (connection === undefined) continue;
    const from = senderFor(config, target);
    const octets = compose(config, from, to);
    const { attempt } = await transact(connection, {
      envelope: { reversePath: from, recipients: [{ forwardPath: to }], parameters: {} },
      octets: octets.length,
      body: () => once(octets),
    });
    await quit(connection.wire);
    if (attempt.result === 'answered') return report(attempt.outcomes[0], from, to);
    printFailure(attempt.failure);
    process.exitCode = EXIT.unavailable;
  }
}

function compose(config: Config, from: Mailbox, to: Mailbox): Buffer {
  return Buffer.concat([
    formatField('From', [`<${formatMailbox(from)}>`]),
    formatField('To', [`<${formatMailbox(to)}>`]),
    formatField('Subject', [`Test from the mail relay ${config.relay.hostname}`]),
    formatField('Date', [formatDate(systemClock.wall())]),
    formatField('Message-ID', [`<${systemRandom.bytes(12).toString('hex')}@${config.relay.hostname}>`]),
    Buffer.from(`\r\nThe mail relay ${config.relay.hostname} can send mail to you.\r\n`),
  ]);
}

async function* once(octets: Uint8Array): AsyncIterable<Uint8Array> {
  yield octets;
}

function report(outcome: Outcome, from: Mailbox, to: Mailbox): void {
  if (outcome.outcome === 'delivered') {
    process.exitCode = EXIT.ok; // an upstream before this one may have been down
    print(`  sent from ${formatMailbox(from)} to ${formatMailbox(to)}: ${describeReply(outcome.reply)}`);
    return;
  }
  printFailure(outcome.failure);
  process.exitCode = outcome.outcome === 'deferred' ? EXIT.temporary : EXIT.unavailable;
}
