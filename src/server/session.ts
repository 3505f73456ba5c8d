// The driver of one session: reads a command, takes the step, performs the act. Reads like RFC 5321,
// section 3. All that waits is here; all that decides is in protocol.ts.

import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { formatMailbox, formatPath } from '../smtp/address.ts';
import { describeCommand, parseCommand } from '../smtp/command.ts';
import type { LineEnding } from '../smtp/data.ts';
import type { Recipient } from '../smtp/envelope.ts';
import { formatReply, isRefusal, type Refusal, type Reply } from '../smtp/reply.ts';
import type { Clock, Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { tlsProblem } from '../system/tls-problem.ts';
import { ConnectionLost, openWire, type Wire } from '../system/wire.ts';
import type { SessionProgress, Tell } from '../vocabulary/events.ts';
import type { Rewriting } from '../vocabulary/rewriting.ts';
import type { Policy } from './access.ts';
import { ADVICE, adviceFor, adviceForTls } from './advice.ts';
import { exchange } from './auth-exchange.ts';
import { checkChunk, chunkWriter, Transfer, transferChunk, transferData } from './data.ts';
import { type Reception, receive } from './intake.ts';
import { LIMITS } from './limits.ts';
import { type Act, type Incoming, isProgress, ready, type Session, start, step } from './protocol.ts';
import * as replies from './replies.ts';
import type { MessageStore } from './store.ts';
import { acceptTls } from './tls.ts';
import type { Authenticator } from './users.ts';

export type SessionParts = {
  readonly policyFor: (device: string) => Policy;
  readonly store: MessageStore;
  readonly authenticator: Pick<Authenticator, 'check' | 'waitOf' | 'isLenient'>;
  readonly tlsContext: () => SecureContext | undefined;
  readonly rewriting: Rewriting;
  /** Makes all that waits due; how many do, or `unable`. */
  readonly runQueue: () => number | 'unable';
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
  /** Sessions end with 421 when it aborts; a message whose data has come whole is still stored. */
  readonly stop: AbortSignal;
  /** Whether connections are short, so that idle ones must go sooner. */
  readonly isUnderPressure: () => boolean;
};

/** A session as the listener sees it. */
export interface Conversation {
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<void>;
  /** Since when it has been waiting for a command; undefined while it does something. */
  readonly idleSince: Monotonic | undefined;
  /** Ends the wait for a command with 421. */
  expire(): void;
}

/** Speaks with one device until the session ends. */
export function converse(socket: Duplex, device: string, isSecure: boolean, parts: SessionParts): Conversation {
  const driver = new Driver(openWire(socket, parts.clock, parts.stop), device, isSecure, parts);
  return {
    ended: driver.run(),
    get idleSince() {
      return driver.idleSince;
    },
    expire: () => driver.wire.expire(),
  };
}

/** A message that comes in chunks (RFC 3030). */
type Chunked = { readonly reception: Reception; readonly writer: ReturnType<typeof chunkWriter> };

class Driver {
  wire: Wire;
  idleSince: Monotonic | undefined;
  readonly #device: string;
  readonly #parts: SessionParts;
  readonly #policy: Policy;
  #session: Session;
  #lineEnding: LineEnding | undefined; // decided by the first command
  #chunked: Chunked | undefined;
  #data: { readonly incoming: Incoming; readonly transfer: Transfer } | undefined; // while DATA comes
  #freshTls: 'after-starttls' | 'from-the-start' | undefined; // nothing was said since the handshake
  #errors = 0;
  #idle = 0;

  constructor(line: Wire, device: string, isSecure: boolean, parts: SessionParts) {
    this.wire = line;
    this.#device = device;
    this.#parts = parts;
    this.#policy = parts.policyFor(device);
    this.#session = start(isSecure);
    this.#freshTls = isSecure ? 'from-the-start' : undefined;
  }

  async run(): Promise<void> {
    try {
      await this.#converse();
      await this.wire.close();
    } catch (error) {
      await this.#fail(error);
    } finally {
      this.#abandon();
    }
  }

  /** The session ends by itself: a last reply where somebody is there to hear it, and a line for the owner. */
  async #fail(error: unknown): Promise<void> {
    const { tell } = this.#parts;
    if (!(error instanceof ConnectionLost)) tell('fault', { where: `session with ${this.#device}`, error });
    const reply = this.#farewell(error);
    const way = this.#way(error);
    const advice = way === undefined ? undefined : this.#adviceOn(way);
    if (reply === undefined) {
      const problem = (error as Error).message;
      if (way !== undefined) tell('gone', { device: this.#device, way, problem, ...(advice === undefined ? {} : { advice }) });
      return this.wire.destroy();
    }
    this.#endWith(reply, way, advice);
    await this.wire.close();
  }

  /** Undefined when nobody is there any more. */
  #farewell(error: unknown): Refusal | undefined {
    if (!(error instanceof ConnectionLost)) return replies.fault;
    switch (error.reason) {
      case 'timeout':
        return replies.timeout;
      case 'too-slow':
        return replies.tooSlow;
      case 'too-much':
        return replies.tooMuch(this.#policy.sizeLimit);
      case 'stopped':
        return replies.stopping;
      default:
        return undefined;
    }
  }

  /** How far the device had come with a message when `error` ended it; undefined when it had begun none. */
  #way(error?: unknown): SessionProgress | undefined {
    const session = this.#session;
    if (this.#data !== undefined) {
      const { incoming, transfer } = this.#data;
      const { hello, envelope } = incoming;
      return { ...wayOf(hello.name, envelope.reversePath, envelope.recipients), stage: 'data', octets: transfer.octets };
    }
    switch (session.phase) {
      case 'greeted':
        return this.#hasDistrusted(error) ? { stage: 'starttls' } : undefined;
      case 'ready':
        return undefined;
      case 'mail':
        return { ...wayOf(session.hello.name, session.reversePath, []), stage: 'mail' };
      case 'rcpt':
        return { ...wayOf(session.hello.name, session.reversePath, session.recipients), stage: 'rcpt' };
      case 'bdat': {
        const octets = this.#chunked?.reception.octets ?? 0;
        return { ...wayOf(session.hello.name, session.reversePath, session.recipients), stage: 'bdat', octets };
      }
      default:
        return session satisfies never;
    }
  }

  /** Whether the device went when it had seen the certificate. Some say so, in an alert; a check of the TLS port that says nothing is no device. */
  #hasDistrusted(error: unknown): boolean {
    const isAlert = error instanceof ConnectionLost && error.reason === 'broken';
    return this.#freshTls === 'after-starttls' || (this.#freshTls === 'from-the-start' && isAlert);
  }

  #adviceOn({ stage }: SessionProgress): string | undefined {
    if (stage === 'starttls') return ADVICE.distrust;
    return this.#data?.transfer.endsLikeLf === true ? ADVICE.lfDot : undefined;
  }

  async #converse(): Promise<void> {
    const { isUnderPressure, tell, clock } = this.#parts;
    this.wire.queue(formatReply(replies.greeting(this.#policy.hostname)));
    for (;;) {
      const patience = isUnderPressure() ? LIMITS.commandTimeoutUnderPressure : LIMITS.commandTimeout;
      this.idleSince = clock.now();
      const line = await this.wire.line(LIMITS.commandLine, patience);
      this.idleSince = undefined;
      this.#freshTls = undefined;
      if (line !== 'too-long') this.#lineEnding ??= line.bareLf ? 'lf' : 'crlf';
      const octets = line === 'too-long' ? LIMITS.commandLine : line.octets.length;
      const command = line === 'too-long' ? ({ malformed: 'too-long' } as const) : parseCommand(line.octets);
      const before = this.#session;
      const { next, act } = step(before, command, this.#policy);
      this.#session = next;
      if (act.act === 'close') {
        const { protocol } = act;
        if (protocol !== undefined) tell('notSmtp', { device: this.#device, protocol, octets, ...ADVICE_ON[protocol] });
        return this.wire.queue(formatReply(act.reply));
      }
      const brings = isProgress(before, next) || (act.act === 'chunk' && act.octets > 0);
      this.#idle = brings ? this.#idle : this.#idle + 1;
      await this.#answer(await this.#perform(act, before), describeCommand(command, octets));
      if (this.#session.phase !== 'bdat') this.#abandon();
      const last =
        this.#errors >= LIMITS.hardErrors ? replies.tooManyErrors : this.#idle > LIMITS.idleCommands ? replies.tooManyCommands : undefined;
      if (last !== undefined) return this.#endWith(last, this.#way());
    }
  }

  /** Gives back a draft that no state carries any more. */
  #abandon(): void {
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
        checkChunk(act.octets, 0, this.#policy.sizeLimit);
        await transferChunk(this.wire, act.octets, this.#parts.clock, async () => {});
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
    if (isRefusal(reply)) {
      this.#tellRefused(reply, command);
      this.#errors += 1;
      if (this.#errors > LIMITS.softErrors) await this.wire.pause((this.#errors - LIMITS.softErrors) * LIMITS.errorDelay);
    }
    this.wire.queue(formatReply(reply));
  }

  /** The last word of a session that the device does not end. */
  #endWith(refusal: Refusal, way: SessionProgress | undefined, advice?: string): void {
    this.#tellRefused(refusal, '', way, advice);
    this.wire.queue(formatReply(refusal));
  }

  #tellRefused(refusal: Refusal, command: string, way?: SessionProgress, advice = adviceFor(refusal)): void {
    const more = { ...(way === undefined ? {} : { way }), ...(advice === undefined ? {} : { advice }) };
    this.#parts.tell('refused', { device: this.#device, refusal, command, ...more });
  }

  #begin({ envelope, hello, declared, protocol }: Incoming): Reception {
    const { store, clock, rewriting } = this.#parts;
    const origin = { hello: hello.name, address: this.#device, protocol, hostname: this.#policy.hostname, time: clock.wall() };
    return receive(store, envelope, declared, origin, rewriting);
  }

  async #receiveData(incoming: Incoming): Promise<Reply | undefined> {
    const { store, clock } = this.#parts;
    this.wire.queue(formatReply(replies.startData));
    const reception = this.#begin(incoming);
    const transfer = new Transfer();
    this.#data = { incoming, transfer };
    try {
      await transferData(this.wire, reception, this.#lineEnding ?? 'crlf', store.sizeLimit, clock, transfer);
      this.#data = undefined;
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
    checkChunk(octets, reception.octets, this.#policy.sizeLimit);
    await transferChunk(this.wire, octets, this.#parts.clock, (slice) => writer.write(slice));
    if (isLast) {
      await writer.end();
      this.#session = ready(this.#session);
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
    this.#errors = 0; // whoever brings mail may make as many mistakes again
    this.#idle = 0;
    this.wire.queue(formatReply(replies.queued(reception.id)));
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
    if (context === undefined || this.wire.hasUnread()) {
      this.#session = before;
      return context === undefined ? replies.tlsNotAvailable : replies.tlsInjection;
    }
    await this.wire.write([formatReply(replies.startTls)], LIMITS.commandTimeout);
    const bare = this.wire.handOver();
    if (bare === 'bytes-waiting') throw new ConnectionLost('closed', 'the device did not wait for the reply to STARTTLS');
    try {
      this.wire = openWire(await acceptTls(bare, context, clock), clock, stop);
    } catch (error) {
      tell('deviceTlsFailed', tlsNews(this.#device, error));
      throw new ConnectionLost('closed', 'TLS failed');
    }
    this.#lineEnding = undefined;
    this.#freshTls = 'after-starttls';
    return undefined;
  }

  async #authenticate({ mechanism, initialResponse }: Extract<Act, { act: 'authenticate' }>): Promise<Reply> {
    const { random, authenticator, tell } = this.#parts;
    const challenge = () => Buffer.from(`<${random.bytes(12).toString('hex')}@${this.#policy.hostname}>`);
    const { isLenient } = authenticator;
    const claim = await exchange(this.wire, { mechanism, initialResponse, challenge, isLenient });
    if ('code' in claim) return claim;
    await this.wire.pause(authenticator.waitOf(this.#device));
    if (!(await authenticator.check(claim, this.#device))) return replies.wrongPassword;
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

const ADVICE_ON = { tls: { advice: ADVICE.tlsOnPlainPort }, http: { advice: ADVICE.http }, unknown: {} } as const;

function wayOf(hello: string, from: Parameters<typeof formatPath>[0], recipients: readonly Recipient[]) {
  return { hello, from: formatPath(from), to: recipients.map(({ forwardPath }) => formatMailbox(forwardPath)) };
}

/** A handshake that failed, with what can be done about it. */
export function tlsNews(device: string, error: unknown): { readonly device: string; readonly problem: string; readonly advice?: string } {
  const problem = tlsProblem(error);
  const advice = adviceForTls(problem);
  return { device, problem, ...(advice === undefined ? {} : { advice }) };
}
