// The driver of one session: reads a command, takes the step, performs the act, concludes. It reads like RFC 5321,
// section 3. All waiting is here; the state moves only to what protocol.ts returns.

import type { Duplex } from 'node:stream';
import { type Command, type Malformed, parseCommand } from '../smtp/command.ts';
import type { LineEnding } from '../smtp/data-decoder.ts';
import { describeCommand } from '../smtp/describe.ts';
import { CR } from '../smtp/line-ends.ts';
import { formatReply, isRefusal, type Refusal, type Reply } from '../smtp/reply.ts';
import { type Clock, later, type Monotonic } from '../system/clock.ts';
import { problemOf } from '../system/problem.ts';
import type { Random } from '../system/random.ts';
import { ConnectionLost, type Line, Wire } from '../system/wire.ts';
import type { SessionProgress, Tell } from '../vocabulary/events.ts';
import type { Rewriting } from '../vocabulary/rewriting.ts';
import type { Access } from './access.ts';
import { ADVICE, adviceFor } from './advice.ts';
import { exchange } from './auth-exchange.ts';
import type { Connections, Idling } from './connections.ts';
import { farewell, progressOf } from './departure.ts';
import { LIMITS } from './limits.ts';
import { Patience } from './patience.ts';
import { type Act, conclude, type Result, step, type Task } from './protocol.ts';
import { Reception } from './reception.ts';
import * as replies from './replies.ts';
import { isProgress, type Session, start } from './session-state.ts';
import type { SizeLimit } from './size-limit.ts';
import type { MessageStore } from './store.ts';
import { acceptTls, type TlsContexts, tlsFailure } from './tls.ts';
import type { Authenticator } from './users.ts';

/** What all sessions share. */
export type SessionParts = {
  readonly access: Access;
  readonly connections: Connections;
  readonly store: MessageStore;
  readonly sizeLimit: Pick<SizeLimit, 'octets' | 'exceeded'>;
  readonly authenticator: Authenticator;
  readonly tls: TlsContexts;
  readonly rewriting: Rewriting;
  /** Makes all waiting messages due; how many they are, or `unable` when they can't be due now. */
  readonly runQueue: () => number | 'unable';
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
  /** When it aborts, sessions end with 421; a message that has come completely is still stored. */
  readonly stop: AbortSignal;
};

/** A command as it was read; `octets` of its line. */
type Received = { readonly command: Command | Malformed; readonly octets: number };

/** The conversation with one device, over one connection. */
export class Conversation implements Idling {
  readonly #device: string;
  readonly #parts: SessionParts;
  readonly #reception: Reception;
  readonly #patience = new Patience();
  #wire: Wire;
  #session: Session;
  #longestSilence: number = LIMITS.commandTimeoutUnderPressure; // in ms, while connections are short
  #lineEnding: LineEnding | undefined; // decided by the first command
  #freshTls: 'after-starttls' | 'from-the-start' | undefined; // no command has come since the handshake

  constructor(connection: Duplex, device: string, isSecure: boolean, parts: SessionParts) {
    const { access, store, sizeLimit, rewriting, clock } = parts;
    this.#device = device;
    this.#parts = parts;
    this.#reception = new Reception({ device, hostname: access.hostname, store, sizeLimit, rewriting, clock });
    this.#wire = new Wire(connection, clock, parts.stop);
    this.#session = start(isSecure);
    this.#freshTls = isSecure ? 'from-the-start' : undefined;
  }

  /** When its place may be given away; undefined while it waits for the flash or for its own computations. */
  get expendableAt(): Monotonic | undefined {
    const since = this.#wire.silentSince;
    return since === undefined ? undefined : later(since, this.#longestSilence);
  }

  /** Ends the wait for the device with 421. */
  expire(): void {
    this.#wire.expire();
  }

  /** Holds the conversation, once; resolves when it has ended and the connection is closed. Never rejects. */
  async run(): Promise<void> {
    try {
      this.#wire.queue(formatReply(replies.greeting(this.#parts.access.hostname)));
      while (await this.#handle(await this.#read()));
      await this.#wire.close();
    } catch (error) {
      await this.#fail(error);
    } finally {
      this.#reception.abandon();
    }
  }

  async #read(): Promise<Received> {
    const { connections } = this.#parts;
    const within = connections.isShort ? LIMITS.commandTimeoutUnderPressure : LIMITS.commandTimeout;
    const line = await this.#wire.line(LIMITS.commandLine, within);
    this.#freshTls = undefined;
    if (line === 'too-long') return { command: { malformed: 'too-long' }, octets: LIMITS.commandLine };
    this.#lineEnding ??= lineEndingOf(line);
    return { command: parseCommand(line.octets), octets: line.octets.length };
  }

  /** One command with all that follows from it; whether the session goes on. */
  async #handle({ command, octets }: Received): Promise<boolean> {
    const before = this.#session;
    const { next, act } = step(before, command, this.#parts.access.policy());
    this.#session = next;
    if (act.act === 'close') {
      this.#close(act, octets);
      return false;
    }
    const result = await this.#settle(act, describeCommand(command, octets));
    if (this.#session.phase !== 'bdat') this.#reception.abandon();
    const hasProgressed = isProgress(before, this.#session) || (act.act === 'chunk' && act.octets > 0);
    if (result?.result === 'stored') this.#patience.renew();
    else if (!hasProgressed) this.#patience.idled();
    const { end } = this.#patience;
    if (end !== undefined) this.#end(end, this.#progress());
    return end === undefined;
  }

  /** Performs the act and answers; the result, if it has one. */
  async #settle(act: Exclude<Act, { act: 'close' }>, command: string): Promise<Result | undefined> {
    if (act.act === 'reply') {
      await this.#answer(act.reply, command);
      return undefined;
    }
    const isTransfer = act.act === 'receive' || act.act === 'chunk' || act.act === 'discard';
    if (isTransfer) this.#longestSilence = LIMITS.dataTimeoutUnderPressure;
    const result = await this.#perform(act);
    this.#longestSilence = LIMITS.commandTimeoutUnderPressure;
    const { next, reply } = conclude(this.#session, result);
    this.#session = next;
    if (reply !== undefined) await this.#answer(reply, command);
    if (result.result === 'stored') this.#parts.tell('accepted', result.message);
    return result;
  }

  async #perform(task: Task): Promise<Result> {
    switch (task.act) {
      case 'admit':
        return this.#admit(task);
      case 'receive':
        this.#wire.queue(formatReply(replies.startData));
        return this.#reception.data(this.#wire, task.incoming, this.#lineEnding ?? 'crlf');
      case 'chunk':
        return this.#reception.chunk(this.#wire, task);
      case 'discard':
        await this.#reception.discard(this.#wire, task.octets);
        return refused(task.refusal);
      case 'start-tls':
        return this.#startTls();
      case 'authenticate':
        return this.#authenticate(task);
      case 'run-queue':
        return { result: 'queue-run', waiting: this.#parts.runQueue() };
      default:
        return task satisfies never;
    }
  }

  #admit({ transaction }: Extract<Task, { act: 'admit' }>): Result {
    const refusal = this.#parts.access.admit(this.#device, transaction.size);
    return refusal === undefined ? { result: 'admitted', transaction } : refused(refusal);
  }

  async #startTls(): Promise<Result> {
    const { tls, clock, stop, tell } = this.#parts;
    const { context } = tls;
    if (context === undefined) return refused(replies.tlsNotAvailable);
    // What came with STARTTLS in one packet was not protected, and must not be taken for what was (RFC 3207, section
    // 5).
    if (this.#wire.hasUnread()) return refused(replies.tlsInjection);
    await this.#wire.write([formatReply(replies.startTls)], LIMITS.commandTimeout);
    const bare = this.#wire.handOver();
    if (bare === 'bytes-waiting') throw new ConnectionLost('closed', 'the device did not wait for the reply to STARTTLS');
    try {
      this.#wire = new Wire(await acceptTls(bare, context, clock), clock, stop);
    } catch (error) {
      tell('deviceTlsFailed', tlsFailure(this.#device, error));
      throw new ConnectionLost('closed', 'TLS failed');
    }
    this.#lineEnding = undefined;
    this.#freshTls = 'after-starttls';
    return { result: 'secured' };
  }

  async #authenticate({ mechanism, initialResponse }: Extract<Task, { act: 'authenticate' }>): Promise<Result> {
    const { random, authenticator, access, tell } = this.#parts;
    const challenge = () => Buffer.from(`<${random.bytes(12).toString('hex')}@${access.hostname}>`);
    const { isLenient } = authenticator;
    const claim = await exchange(this.#wire, { mechanism, initialResponse, challenge, isLenient });
    if ('code' in claim) return refused(claim);
    const isTrue = await authenticator.check(claim, this.#device, (milliseconds) => this.#wire.pause(milliseconds));
    if (!isTrue) return refused(replies.wrongPassword);
    tell('authenticated', { device: this.#device, user: claim.username, mechanism: mechanism.name });
    return { result: 'logged-in', user: claim.username };
  }

  async #answer(reply: Reply, command: string): Promise<void> {
    if (isRefusal(reply)) {
      this.#report(reply, command, undefined, adviceFor(reply));
      const wait = this.#patience.refused();
      if (wait > 0) await this.#wire.pause(wait);
    }
    this.#wire.queue(formatReply(reply));
  }

  #close({ reply, protocol }: Extract<Act, { act: 'close' }>, octets: number): void {
    if (protocol !== undefined) this.#parts.tell('notSmtp', { device: this.#device, protocol, octets, ...ADVICE_ON[protocol] });
    this.#wire.queue(formatReply(reply));
  }

  /** The session ends by itself: with a last reply where somebody may read it, and with a line for the owner. */
  async #fail(error: unknown): Promise<void> {
    const { tell, sizeLimit } = this.#parts;
    if (!(error instanceof ConnectionLost)) tell('fault', { where: `session with ${this.#device}`, error });
    const reply = farewell(error, sizeLimit.octets);
    const progress = this.#progress(error);
    const advice = progress === undefined ? undefined : this.#adviceOn(progress);
    if (reply !== undefined) {
      this.#end(reply, progress, advice);
      return this.#wire.close();
    }
    const problem = problemOf(error);
    if (progress !== undefined) tell('gone', { device: this.#device, progress, problem, ...(advice === undefined ? {} : { advice }) });
    this.#wire.destroy();
  }

  /** Queues the last reply of a session that the device does not end. */
  #end(refusal: Refusal, progress: SessionProgress | undefined, advice = adviceFor(refusal)): void {
    this.#report(refusal, '', progress, advice);
    this.#wire.queue(formatReply(refusal));
  }

  #report(refusal: Refusal, command: string, progress: SessionProgress | undefined, advice: string | undefined): void {
    const more = { ...(progress === undefined ? {} : { progress }), ...(advice === undefined ? {} : { advice }) };
    this.#parts.tell('refused', { device: this.#device, refusal, command, ...more });
  }

  /** How far the device had come when `error` ended the session; undefined when it had begun nothing. */
  #progress(error?: unknown): SessionProgress | undefined {
    if (this.#session.phase === 'greeted') return this.#hasDistrusted(error) ? { stage: 'starttls' } : undefined;
    return progressOf(this.#session, this.#reception);
  }

  /**
   * Whether the device went because of the certificate. Some say so in an alert. One that says nothing has at least
   * sent STARTTLS before; on a port that begins with TLS it may be a program that checks the port, and no device.
   */
  #hasDistrusted(error: unknown): boolean {
    const isAlert = error instanceof ConnectionLost && error.reason === 'broken';
    return this.#freshTls === 'after-starttls' || (this.#freshTls === 'from-the-start' && isAlert);
  }

  #adviceOn({ stage }: SessionProgress): string | undefined {
    if (stage === 'starttls') return ADVICE.distrust;
    const { wrongEnd } = this.#reception;
    return wrongEnd === undefined ? undefined : ADVICE_ON_END[wrongEnd];
  }
}

const refused = (refusal: Refusal): Result => ({ result: 'refused', refusal });

/** How the lines of a session end that began with this one. */
function lineEndingOf({ octets, bareLf }: Line): LineEnding {
  if (bareLf) return 'lf';
  return octets.at(-1) === CR ? 'crcrlf' : 'crlf';
}

const ADVICE_ON_END = { lf: ADVICE.lfDot, crcrlf: ADVICE.crCrLfDot } as const;

const ADVICE_ON = { tls: { advice: ADVICE.tlsOnPlainPort }, http: { advice: ADVICE.http }, unknown: {} } as const;
