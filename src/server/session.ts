// The driver of one session: reads a command, takes the step, performs the act. Reads like RFC 5321,
// section 3. All that waits is here; all that decides is in protocol.ts.

import type { Duplex } from 'node:stream';
import type { Tell } from '../events.ts';
import { parseCommand } from '../smtp/command.ts';
import { dataDecoder, type LineEnding } from '../smtp/data.ts';
import { formatReply, isRefusal, type Refusal, type Reply } from '../smtp/reply.ts';
import { type Clock, sleep } from '../system/clock.ts';
import { ConnectionLost, type Wire, wire } from '../system/wire.ts';
import { LIMITS } from './limits.ts';
import type { Policy } from './policy.ts';
import { type Act, type Session, START, step } from './protocol.ts';
import { type Reception, receive } from './receive.ts';
import * as replies from './replies.ts';
import type { MessageStore } from './store.ts';

export type SessionParts = {
  readonly policy: Policy;
  readonly store: MessageStore;
  readonly clock: Clock;
  readonly tell: Tell;
  /** Sessions end with 421 when it aborts; a message whose data has come whole is still stored. */
  readonly stop: AbortSignal;
  /** Whether connections are short, so that idle ones must go sooner. */
  readonly isUnderPressure: () => boolean;
};

/** Speaks with one device until the session ends; never rejects. */
export async function serve(socket: Duplex, device: string, parts: SessionParts): Promise<void> {
  const line = wire(socket, parts.clock, parts.stop);
  try {
    line.queue(formatReply(replies.greeting(parts.policy.hostname)));
    await converse(line, device, parts);
    await line.close();
  } catch (error) {
    const reply = farewell(error);
    if (!(error instanceof ConnectionLost)) parts.tell('fault', { where: `session with ${device}`, error });
    if (reply === undefined) return line.destroy();
    parts.tell('refused', { device, refusal: reply, command: '' });
    line.queue(formatReply(reply));
    await line.close();
  }
}

/** The last reply to a session that ends by itself; undefined when nobody is there to hear it. */
function farewell(error: unknown): Refusal | undefined {
  if (!(error instanceof ConnectionLost)) return replies.fault;
  if (error.reason === 'timeout') return replies.timeout;
  return error.reason === 'stopped' ? replies.stopping : undefined;
}

async function converse(line: Wire, device: string, parts: SessionParts): Promise<void> {
  const { policy, clock, tell } = parts;
  let session: Session = START;
  let lineEnding: LineEnding | undefined; // decided by the first command
  let errors = 0;
  let idle = 0;

  const answer = async (reply: Reply, command: string) => {
    line.queue(formatReply(reply));
    if (!isRefusal(reply)) return;
    tell('refused', { device, refusal: reply, command });
    errors += 1;
    if (errors > LIMITS.softErrors) await sleep(clock, (errors - LIMITS.softErrors) * LIMITS.errorDelay, parts.stop);
  };

  for (;;) {
    const patience = parts.isUnderPressure() ? LIMITS.commandTimeoutUnderPressure : LIMITS.commandTimeout;
    const command = await line.line(LIMITS.commandLine, patience);
    if (command === 'too-long') {
      await answer(replies.lineTooLong, '');
    } else {
      lineEnding ??= command.bareLf ? 'lf' : 'crlf';
      const { next, act } = step(session, parseCommand(command.octets), policy);
      session = next;
      if (act.act === 'close') return line.queue(formatReply(act.reply));
      if (act.act === 'receive') idle = 0;
      else idle += 1;
      const reply = act.act === 'receive' ? await receiveData(line, act, lineEnding, device, parts) : act.reply;
      await answer(reply, Buffer.from(command.octets).toString('latin1'));
    }
    if (errors >= LIMITS.hardErrors) return line.queue(formatReply(replies.tooManyErrors));
    if (idle > LIMITS.idleCommands) return line.queue(formatReply(replies.tooManyCommands));
  }
}

/** DATA: the 354, the data, and what comes of it (RFC 5321, section 4.1.1.4). */
async function receiveData(
  line: Wire,
  act: Extract<Act, { act: 'receive' }>,
  lineEnding: LineEnding,
  device: string,
  parts: SessionParts,
): Promise<Reply> {
  const { policy, store, clock, tell } = parts;
  const { envelope, hello } = act;
  line.queue(formatReply(replies.startData));
  const protocol = hello.verb === 'EHLO' ? 'ESMTP' : 'SMTP';
  const origin = { hello: hello.name, address: device, protocol, hostname: policy.hostname, time: clock.wall() };
  const reception = receive(store, envelope, act.declared, origin);
  try {
    await pump(line, reception, lineEnding, store.sizeLimit);
    const refusal = await reception.finish();
    if (refusal !== undefined) return refusal;
  } finally {
    reception.abandon();
  }
  tell('accepted', { id: reception.id, device, hello: hello.name, octets: reception.octets, envelope });
  return replies.queued(reception.id);
}

/** Octets from the wire to the reception until the end of data. A sender that goes on and on far beyond the limit is cut off. */
async function pump(line: Wire, reception: Reception, lineEnding: LineEnding, sizeLimit: number): Promise<void> {
  const decoder = dataDecoder(lineEnding);
  const patience = 2 * sizeLimit + 1_000_000;
  while (reception.octets <= patience) {
    const { body, rest } = decoder.decode(await line.some(LIMITS.dataTimeout));
    for (const slice of body) await reception.write(slice);
    if (rest !== undefined) return line.unread(rest);
  }
  throw new ConnectionLost('broken', 'the message never ended');
}
