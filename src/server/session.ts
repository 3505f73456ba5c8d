// The driver of one session: reads a command, takes the step, performs the act. Reads like RFC 5321,
// section 3. All that waits is here; all that decides is in protocol.ts.

import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Tell } from '../events.ts';
import type { Rewriting } from '../message/rewrite.ts';
import { parseCommand } from '../smtp/command.ts';
import type { LineEnding } from '../smtp/data.ts';
import { formatReply, isRefusal, type Refusal, type Reply } from '../smtp/reply.ts';
import { type Clock, sleep } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { ConnectionLost, type Wire, wire } from '../system/wire.ts';
import type { Authenticator } from './auth.ts';
import { exchange } from './authenticate.ts';
import { LIMITS } from './limits.ts';
import type { Policy } from './policy.ts';
import { type Act, type Incoming, ready, type Session, start, step } from './protocol.ts';
import { type Reception, receive } from './receive.ts';
import * as replies from './replies.ts';
import { secure } from './secure.ts';
import type { MessageStore } from './store.ts';
import { chunkWriter, transferChunk, transferData } from './transfer.ts';

export type SessionParts = {
  readonly policyFor: (device: string) => Policy;
  readonly store: MessageStore;
  readonly authenticator: Pick<Authenticator, 'check'>;
  readonly tlsContext: () => SecureContext | undefined;
  readonly rewriting: Rewriting;
  /** Starts delivery of all that waits; how many do, or `unable`. */
  readonly runQueue: () => number | 'unable';
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
  /** Sessions end with 421 when it aborts; a message whose data has come whole is still stored. */
  readonly stop: AbortSignal;
  /** Counts one more who does not speak SMTP; how many there were. */
  readonly countStranger: () => number;
  /** Whether connections are short, so that idle ones must go sooner. */
  readonly isUnderPressure: () => boolean;
};

/** Speaks with one device until the session ends; never rejects. */
export async function serve(socket: Duplex, device: string, isSecure: boolean, parts: SessionParts): Promise<void> {
  const session = new Driver(wire(socket, parts.clock, parts.stop), device, isSecure, parts);
  try {
    await session.converse();
    await session.line.close();
  } catch (error) {
    const reply = farewell(error);
    if (!(error instanceof ConnectionLost)) parts.tell('fault', { where: `session with ${device}`, error });
    if (reply === undefined) return session.line.destroy();
    parts.tell('refused', { device, refusal: reply, command: '' });
    session.line.queue(formatReply(reply));
    await session.line.close();
  } finally {
    session.abandon();
  }
}

/** The last reply to a session that ends by itself; undefined when nobody is there to hear it. */
function farewell(error: unknown): Refusal | undefined {
  if (!(error instanceof ConnectionLost)) return replies.fault;
  switch (error.reason) {
    case 'timeout':
      return replies.timeout;
    case 'too-slow':
      return replies.tooSlow;
    case 'stopped':
      return replies.stopping;
    default:
      return undefined;
  }
}

/** A message that comes in chunks (RFC 3030). */
type Chunked = { readonly reception: Reception; readonly writer: ReturnType<typeof chunkWriter> };

class Driver {
  line: Wire;
  readonly #device: string;
  readonly #parts: SessionParts;
  readonly #policy: Policy;
  #session: Session;
  #lineEnding: LineEnding | undefined; // decided by the first command
  #chunked: Chunked | undefined;
  #errors = 0;
  #idle = 0;

  constructor(line: Wire, device: string, isSecure: boolean, parts: SessionParts) {
    this.line = line;
    this.#device = device;
    this.#parts = parts;
    this.#policy = parts.policyFor(device);
    this.#session = start(isSecure);
  }

  async converse(): Promise<void> {
    const { isUnderPressure, tell } = this.#parts;
    this.line.queue(formatReply(replies.greeting(this.#policy.hostname)));
    for (;;) {
      const patience = isUnderPressure() ? LIMITS.commandTimeoutUnderPressure : LIMITS.commandTimeout;
      const command = await this.line.line(LIMITS.commandLine, patience);
      if (command === 'too-long') {
        await this.#answer(replies.lineTooLong, '');
      } else {
        this.#lineEnding ??= command.bareLf ? 'lf' : 'crlf';
        const text = Buffer.from(command.octets).toString('latin1');
        const { next, act } = step(this.#session, parseCommand(command.octets), this.#policy);
        const before = this.#session;
        this.#session = next;
        if (act.act === 'close') {
          if (isRefusal(act.reply)) tell('notSmtp', { device: this.#device, line: text, count: this.#parts.countStranger() });
          return this.line.queue(formatReply(act.reply));
        }
        this.#idle = act.act === 'receive' || act.act === 'chunk' ? 0 : this.#idle + 1;
        await this.#answer(await this.#perform(act, before), text);
        if (this.#session.phase !== 'bdat') this.abandon();
      }
      if (this.#errors >= LIMITS.hardErrors) return this.line.queue(formatReply(replies.tooManyErrors));
      if (this.#idle > LIMITS.idleCommands) return this.line.queue(formatReply(replies.tooManyCommands));
    }
  }

  /** Gives back a draft that no state carries any more. */
  abandon(): void {
    this.#chunked?.reception.abandon();
    this.#chunked = undefined;
  }

  /** Does what the step says; its reply, or undefined where that is said already. */
  async #perform(act: Exclude<Act, { act: 'close' }>, before: Session): Promise<Reply | undefined> {
    switch (act.act) {
      case 'reply':
        return act.reply;
      case 'receive':
        return this.#receiveData(act.incoming);
      case 'chunk':
        return this.#receiveChunk(act);
      case 'discard':
        await transferChunk(this.line, act.octets, this.#parts.clock, async () => {});
        return act.reply;
      case 'start-tls':
        return this.#startTls(before);
      case 'authenticate':
        return this.#authenticate(act);
      case 'run-queue':
        return this.#runQueue();
      default:
        return act satisfies never;
    }
  }

  async #answer(reply: Reply | undefined, command: string): Promise<void> {
    if (reply === undefined) return;
    this.line.queue(formatReply(reply));
    if (!isRefusal(reply)) return;
    const { tell, clock, stop } = this.#parts;
    tell('refused', { device: this.#device, refusal: reply, command });
    this.#errors += 1;
    if (this.#errors > LIMITS.softErrors) await sleep(clock, (this.#errors - LIMITS.softErrors) * LIMITS.errorDelay, stop);
  }

  #begin({ envelope, hello, declared, protocol }: Incoming): Reception {
    const { store, clock, rewriting } = this.#parts;
    const origin = { hello: hello.name, address: this.#device, protocol, hostname: this.#policy.hostname, time: clock.wall() };
    return receive(store, envelope, declared, origin, rewriting);
  }

  async #receiveData(incoming: Incoming): Promise<Reply | undefined> {
    this.line.queue(formatReply(replies.startData));
    const reception = this.#begin(incoming);
    try {
      await transferData(this.line, reception, this.#lineEnding ?? 'crlf', this.#parts.store.sizeLimit, this.#parts.clock);
      return await this.#finish(reception, incoming);
    } finally {
      reception.abandon();
    }
  }

  async #receiveChunk({ incoming, octets, isLast }: Extract<Act, { act: 'chunk' }>): Promise<Reply | undefined> {
    if (this.#chunked === undefined) {
      const reception = this.#begin(incoming);
      this.#chunked = { reception, writer: chunkWriter(reception, incoming.envelope.parameters.body === 'BINARYMIME') };
    }
    const { reception, writer } = this.#chunked;
    await transferChunk(this.line, octets, this.#parts.clock, (slice) => writer.write(slice));
    if (isLast) {
      await writer.end();
      return this.#finish(reception, incoming);
    }
    if (reception.refusal === undefined) return replies.chunkOk(octets);
    // RFC 3030, section 2: a chunk that failed ends the transaction.
    this.#session = ready(this.#session);
    return reception.refusal;
  }

  /** The end of a message: on flash, then the reply, then the news. */
  async #finish(reception: Reception, { hello }: Incoming): Promise<Reply | undefined> {
    const refusal = await reception.finish();
    if (refusal !== undefined) return refusal;
    this.line.queue(formatReply(replies.queued(reception.id)));
    this.#parts.tell('accepted', {
      id: reception.id,
      device: this.#device,
      hello: hello.name,
      octets: reception.octets,
      envelope: reception.envelope,
    });
    return undefined;
  }

  async #startTls(before: Session): Promise<Reply | undefined> {
    const { tlsContext, clock, stop, tell } = this.#parts;
    const context = tlsContext();
    // What came with STARTTLS in one packet was not protected, and must not be taken for what was (RFC 3207, section 5).
    if (context === undefined || this.line.hasUnread()) {
      this.#session = before;
      return context === undefined ? replies.tlsNotAvailable : replies.tlsInjection;
    }
    await this.line.write([formatReply(replies.startTls)], LIMITS.commandTimeout);
    const bare = this.line.handOver();
    if (bare === 'bytes-waiting') throw new ConnectionLost('closed', 'the device did not wait for the reply to STARTTLS');
    try {
      this.line = wire(await secure(bare, context, clock), clock, stop);
    } catch (error) {
      tell('deviceTlsFailed', { device: this.#device, problem: (error as Error).message });
      throw new ConnectionLost('closed', 'TLS failed');
    }
    this.#lineEnding = undefined;
    return undefined;
  }

  async #authenticate({ mechanism, initialResponse }: Extract<Act, { act: 'authenticate' }>): Promise<Reply> {
    const { random, authenticator, tell } = this.#parts;
    const challenge = () => Buffer.from(`<${random.bytes(12).toString('hex')}@${this.#policy.hostname}>`);
    const claim = await exchange(this.line, mechanism, initialResponse, challenge);
    if ('code' in claim) return claim;
    if (!(await authenticator.check(claim))) return replies.wrongPassword;
    this.#session = { ...this.#session, user: claim.username };
    tell('authenticated', { device: this.#device, user: claim.username, mechanism: mechanism.name });
    return replies.authenticated;
  }

  #runQueue(): Reply {
    const waiting = this.#parts.runQueue();
    if (waiting === 'unable') return replies.queueUnable;
    return waiting === 0 ? replies.queueEmpty : replies.queueRun(waiting);
  }
}
