// `gatepost send-test ADDRESS`: a message of our own to the first upstream that takes it, each step told.
// Past the spool, so that it works whether or not a relay is running.

import { parseArgs } from 'node:util';
import type { Config } from '../config/parse.ts';
import { formatField } from '../message/field.ts';
import { formatMailbox, type Mailbox, parseMailbox } from '../smtp/address.ts';
import { describeReply } from '../smtp/reply.ts';
import { formatDate, systemClock } from '../system/clock.ts';
import { systemRandom } from '../system/random.ts';
import { quit } from '../upstream/dialogue.ts';
import { transact } from '../upstream/transaction.ts';
import type { Outcome } from '../vocabulary/attempt.ts';
import { configFromEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';
import { print } from './print.ts';
import { printFailure, tryToConnect } from './try-upstream.ts';

export async function run(argv: readonly string[]): Promise<void> {
  const { positionals } = parseArgs({ args: [...argv], allowPositionals: true });
  const to = positionals.length === 1 ? parseMailbox(positionals[0] ?? '', { utf8: true }) : 'syntax';
  if (typeof to === 'string' || to.domain === '') {
    process.stderr.write('gatepost: usage: gatepost send-test ADDRESS, for example gatepost send-test owner@example.org\n');
    process.exitCode = EXIT.usage;
    return;
  }
  const config = configFromEnvironment();
  if (config === undefined) return;
  for (const target of config.upstreams) {
    const connection = await tryToConnect(config, target);
    if (connection === undefined) continue;
    const from = senderOf(config, target);
    const octets = compose(config, from, to);
    const { attempt } = await transact(connection, {
      envelope: { reversePath: from, recipients: [{ forwardPath: to }], parameters: {} },
      octets: octets.length,
      body: once(octets),
    });
    await quit(connection.wire);
    if (attempt.result === 'answered') return report(attempt.outcomes[0], from, to);
    printFailure(attempt.failure);
    process.exitCode = EXIT.unavailable;
  }
}

/** The relay's SENDER, or the account, since providers take mail from no one else. */
function senderOf(config: Config, { credentials }: Config['upstreams'][number]): Mailbox {
  const account = parseMailbox(credentials?.username ?? '', { utf8: true });
  const isAddress = typeof account !== 'string' && account.domain !== '';
  return config.rewriting.sender ?? (isAddress ? account : { localPart: 'gatepost', domain: config.hostname });
}

function compose(config: Config, from: Mailbox, to: Mailbox): Buffer {
  return Buffer.concat([
    formatField('From', [`<${formatMailbox(from)}>`]),
    formatField('To', [`<${formatMailbox(to)}>`]),
    formatField('Subject', [`Test from the mail relay ${config.hostname}`]),
    formatField('Date', [formatDate(systemClock.wall())]),
    formatField('Message-ID', [`<${systemRandom.bytes(12).toString('hex')}@${config.hostname}>`]),
    Buffer.from(`\r\nThe mail relay ${config.hostname} can send mail to you.\r\n`),
  ]);
}

async function* once(octets: Uint8Array): AsyncIterable<Uint8Array> {
  yield octets;
}

function report(outcome: Outcome, from: Mailbox, to: Mailbox): void {
  if (outcome.outcome === 'delivered') {
    process.exitCode = EXIT.ok; // a first upstream that was down was not needed
    print(`  sent from ${formatMailbox(from)} to ${formatMailbox(to)}: ${describeReply(outcome.reply)}`);
    return;
  }
  printFailure(outcome.failure);
  process.exitCode = outcome.outcome === 'deferred' ? EXIT.temporary : EXIT.unavailable;
}
