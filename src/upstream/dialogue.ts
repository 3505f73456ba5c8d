// The client's side of the dialogue: replies awaited with RFC 5321's patience, the commands that stand outside a mail
// transaction, and UpstreamFailed, which carries whatever goes wrong out of straight-line code.

import { printableJson } from '../smtp/printable.ts';
import { describeReply, LONGEST_REPLY_LINES, type RemoteReply, replyReader } from '../smtp/reply.ts';
import { ConnectionLost, type Wire } from '../system/wire.ts';
import type { Stage, UpstreamFailure } from '../vocabulary/attempt.ts';
import { isOfPace, isOfUpstream } from '../vocabulary/cause.ts';
import { adviceOn } from './explain.ts';
import type { Context } from './refusals/row.ts';
import { judge } from './verdict.ts';

/** How long is waited for what (RFC 5321, section 4.5.3.2), in ms. */
export const WAIT = {
  resolve: 30_000,
  /** For the last address of a name, or its only one. */
  connect: 30_000,
  /** For an address that is not the last: a SYN is sent three times in that time (RFC 6298). */
  connectNext: 5_000,
  /** How long an attempt may have taken and still go on to another address. */
  nextAddress: 30_000,
  tls: 30_000,
  greeting: 300_000,
  /** After so long without a greeting an address counts as silent, though the greeting is still waited for. */
  silence: 10_000,
  command: 300_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  block: 180_000,
  endOfData: 600_000,
  quit: 5_000,
} as const;

const LONGEST_REPLY_LINE = 2_048;

/**
 * What is known of a failure beside its problem: the reply that says so, in the context that it came in; the cause
 * where that is known better than the reply tells it; advice in place of the one that the tables know.
 */
type Known = {
  readonly reply?: RemoteReply;
  readonly context?: Context;
  readonly cause?: UpstreamFailure['cause'];
  readonly advice?: string | undefined;
};

// Before a transaction neither of these matters.
const NO_CONTEXT: Context = { hasAccount: true, isKept: false, isNullPath: false, hasParameters: false };

/** The attempt can't go on, and no message is to blame. Caught in connect.ts and transaction.ts. */
export class UpstreamFailed extends Error {
  override readonly name = 'UpstreamFailed';
  readonly failure: UpstreamFailure;

  /** `problem`: what is wrong, on one line. */
  constructor(stage: Stage, problem: string, known: Known = {}) {
    super(problem);
    const failure =
      known.reply === undefined ? unanswered(stage, problem, known.cause ?? 'plain') : refused(stage, problem, known.reply, known);
    this.failure = known.advice === undefined ? failure : { ...failure, advice: known.advice };
  }
}

function unanswered(stage: Stage, problem: string, cause: UpstreamFailure['cause']): UpstreamFailure {
  return { scope: 'upstream', stage, problem, cause, advice: adviceOn(stage, problem, cause) };
}

function refused(stage: Stage, problem: string, reply: RemoteReply, known: Known): UpstreamFailure {
  const { cause, advice } = judge(stage, reply, known.context ?? NO_CONTEXT);
  const told = isOfUpstream(cause) || isOfPace(cause) ? cause : 'plain';
  return { scope: 'upstream', stage, problem, reply, cause: known.cause ?? told, advice };
}

/** The next reply, which must have this code. Rejects with UpstreamFailed; `within`: in ms. */
export async function expect(wire: Wire, stage: Stage, within: number, code: number): Promise<RemoteReply> {
  const reply = await readReply(wire, stage, within);
  if (reply.code !== code) throw new UpstreamFailed(stage, describeReply(reply), { reply });
  return reply;
}

/**
 * The next reply. Rejects with UpstreamFailed when the connection is lost, a line takes longer than `within` ms, or it
 * is no reply.
 */
export async function readReply(wire: Wire, stage: Stage, within: number): Promise<RemoteReply> {
  const feed = replyReader();
  for (let count = 0; count <= LONGEST_REPLY_LINES; count++) {
    const next = await failingAt(stage, wire.line(LONGEST_REPLY_LINE, within));
    if (next === 'too-long') break;
    const result = feed(next.octets);
    if (result.result === 'reply') return result.reply;
    if (result.result === 'malformed') throw new UpstreamFailed(stage, nonsense(stage, result.line));
  }
  throw new UpstreamFailed(stage, 'the reply never ends');
}

/** What came instead of a reply. During a login it may be what was sent, so only its length is said. */
function nonsense(stage: Stage, line: string): string {
  if (stage === 'auth') return `this is no SMTP reply: a line of ${line.length} octets`;
  return `this is no SMTP reply: ${printableJson(line.slice(0, 200))}`;
}

/** `work`, a lost connection turned into a failure of the stage. */
export async function failingAt<T>(stage: Stage, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    // A password may have been sent, and what is not known of it counts as refused.
    if (error instanceof ConnectionLost) throw new UpstreamFailed(stage, error.message, stage === 'auth' ? { cause: 'login' } : {});
    throw error;
  }
}

/** Sends RSET (RFC 5321, section 4.1.1.5); resolves to whether the connection is ready for the next MAIL. */
export async function reset(wire: Wire): Promise<boolean> {
  try {
    wire.queue(Buffer.from('RSET\r\n'));
    return (await readReply(wire, 'mail', WAIT.command)).code === 250;
  } catch (error) {
    if (!(error instanceof UpstreamFailed)) throw error;
    return false;
  }
}

/** Sends QUIT, waits some seconds for its reply (RFC 5321, section 4.1.1.10), and closes, whatever the server does. */
export async function quit(wire: Wire): Promise<void> {
  try {
    wire.queue(Buffer.from('QUIT\r\n'));
    await readReply(wire, 'mail', WAIT.quit);
  } catch (error) {
    if (!(error instanceof UpstreamFailed)) throw error;
    // Whatever came instead of the reply, the connection is closed.
  }
  await wire.close();
}
