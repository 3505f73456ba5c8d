// Asking the upstream and being answered: replies awaited with RFC 5321's patience, and UpstreamFailed, which
// carries whatever goes wrong out of the straight line.

import { printableJson } from '../smtp/printable.ts';
import { describeReply, LONGEST_REPLY_LINES, type RemoteReply, replyReader } from '../smtp/reply.ts';
import { ConnectionLost, type Wire } from '../system/wire.ts';
import type { Stage, UpstreamFailure } from '../vocabulary/attempt.ts';

/** How long is waited for what (RFC 5321, section 4.5.3.2), in ms. */
export const WAIT = {
  connect: 30_000,
  tls: 30_000,
  greeting: 300_000,
  command: 300_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  block: 180_000,
  endOfData: 600_000,
  quit: 5_000,
} as const;

const LONGEST_REPLY_LINE = 2_048;

/** Caught in `connect` and in transaction.ts. */
export class UpstreamFailed extends Error {
  readonly failure: UpstreamFailure;
  constructor(stage: Stage, problem: string, more: Pick<UpstreamFailure, 'reply' | 'isClock'> = {}) {
    super(problem);
    this.failure = { scope: 'upstream', stage, problem, ...more };
  }
}

/** The next reply, which must have this code. */
export async function expect(line: Wire, stage: Stage, within: number, code: number): Promise<RemoteReply> {
  const reply = await readReply(line, stage, within);
  if (reply.code !== code) throw new UpstreamFailed(stage, describeReply(reply), { reply });
  return reply;
}

/** The next reply. Throws UpstreamFailed when the connection is lost, nothing comes in time, or what comes is no reply. */
export async function readReply(line: Wire, stage: Stage, within: number): Promise<RemoteReply> {
  const feed = replyReader();
  for (let count = 0; count <= LONGEST_REPLY_LINES; count++) {
    const next = await failingAt(stage, line.line(LONGEST_REPLY_LINE, within));
    if (next === 'too-long') break;
    const result = feed(next.octets);
    if (result.result === 'reply') return result.reply;
    if (result.result === 'malformed')
      throw new UpstreamFailed(stage, `this is no SMTP reply: ${printableJson(result.line.slice(0, 200))}`);
  }
  throw new UpstreamFailed(stage, 'the reply never ends');
}

/** Turns a lost connection into a failure of the stage. */
export async function failingAt<T>(stage: Stage, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ConnectionLost) throw new UpstreamFailed(stage, error.message);
    throw error;
  }
}
