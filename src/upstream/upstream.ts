// An upstream: connections are made when they are needed, kept for the next message, and closed when idle.

import type { LookupFunction } from 'node:net';
import type { Mailbox } from '../smtp/address.ts';
import { withoutNotifications } from '../smtp/envelope.ts';
import type { Cancel, Clock } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import type { Attempt, UpstreamFailure } from '../vocabulary/attempt.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import type { Capabilities } from './capabilities.ts';
import { type Connection, type ConnectParts, connect } from './connect.ts';
import { quit, reset } from './dialogue.ts';
import { withOwnSender } from './null-path.ts';
import { type Message, transact } from './transaction.ts';
import type { Trust } from './trust.ts';

type UpstreamParts = {
  readonly clock: Clock;
  readonly random: Random;
  /** For EHLO. */
  readonly hostname: string;
  readonly trust: Trust;
  readonly tell: Tell;
  /** Whether notifications may go to that sender: else the upstream is asked to send none. */
  readonly mayNotify: (sender: Mailbox) => boolean;
  /** Whom messages with the null reverse-path are from where the upstream takes none; they bounce when absent. */
  readonly ownSender?: Mailbox | undefined;
  /** Called at every connection with what the upstream offers. */
  readonly learn: (capabilities: Capabilities) => void;
  /** Finds the addresses of a name; the system's when absent. */
  readonly lookup?: LookupFunction | undefined;
};

// How long a connection waits for the next message, in ms. Servers wait for minutes, but providers count connections.
const IDLE = 10_000;

type Idle = { readonly connection: Connection; readonly needsReset: boolean; readonly cancel: Cancel };

/** One upstream, with its idle connections and what was learned of it. */
export class Upstream {
  /** Host and port. */
  readonly name: string;
  readonly #target: UpstreamTarget;
  readonly #parts: UpstreamParts;
  readonly #connectParts: ConnectParts;
  #idle: Idle[] = [];
  /** The server offers CHUNKING and doesn't know BDAT. */
  #refusesChunks = false;

  constructor(target: UpstreamTarget, parts: UpstreamParts) {
    this.name = formatEndpoint(target);
    this.#target = target;
    this.#parts = parts;
    const { clock, random, hostname, trust, lookup } = parts;
    this.#connectParts = { clock, random, hostname, trust, lookup, memory: { session: undefined } };
  }

  /**
   * Hands a message over. `stop` cuts it short. Never rejects for what the upstream does, but when `body` can't be
   * read.
   */
  async send(message: Message, stop: AbortSignal): Promise<Attempt> {
    const { envelope } = message;
    if (envelope.reversePath === null) return this.#sendWithoutSender(message, stop);
    if (this.#parts.mayNotify(envelope.reversePath)) return this.#sendOne(message, stop);
    const attempt = await this.#sendOne({ ...message, envelope: withoutNotifications(envelope) }, stop);
    return attempt.result === 'answered' ? { ...attempt, notifies: false } : attempt;
  }

  /** Connects, without logging in, to see what the upstream offers now. Never rejects for what the upstream does. */
  async probe(): Promise<void> {
    const opened = await connect({ ...this.#target, credentials: undefined }, this.#connectParts, new AbortController().signal);
    if ('scope' in opened) return;
    this.#parts.learn(opened.capabilities);
    await quit(opened.wire);
  }

  /** Sends QUIT on all idle connections; resolves when they are closed. */
  async close(): Promise<void> {
    const all = this.#idle;
    this.#idle = [];
    await Promise.all(
      all.map(({ connection, cancel }) => {
        cancel();
        return quit(connection.wire);
      }),
    );
  }

  /** Sends a message with the null reverse-path, once more with another one where that is refused. */
  async #sendWithoutSender(message: Message, stop: AbortSignal): Promise<Attempt> {
    const attempt = await this.#sendOne(message, stop);
    const envelope = withOwnSender(message.envelope, attempt, this.#parts.ownSender);
    return envelope === undefined || stop.aborted ? attempt : this.#sendOne({ ...message, envelope }, stop);
  }

  async #sendOne(message: Message, stop: AbortSignal): Promise<Attempt> {
    const kept = await this.#reuse();
    if (kept !== undefined) {
      const attempt = await this.#sendOver(kept, message, stop);
      // The server may close an idle connection at any moment; that does not make it unavailable. `body` is read only
      // after MAIL was answered, so the message can be sent over a new connection.
      const isClosedWhileIdle = attempt.result === 'no-answer' && attempt.failure.stage === 'mail' && attempt.failure.reply === undefined;
      if (!isClosedWhileIdle || stop.aborted) return attempt;
    }
    const made = await this.#open(stop);
    if ('scope' in made) return { result: 'no-answer', failure: made, maybeDelivered: false };
    return this.#sendOver(made, message, stop);
  }

  /** A kept connection that still lives. */
  async #reuse(): Promise<Connection | undefined> {
    for (let one = this.#idle.pop(); one !== undefined; one = this.#idle.pop()) {
      one.cancel();
      const { wire } = one.connection;
      if (!wire.isClosed && !wire.hasUnread() && (!one.needsReset || (await reset(wire)))) return one.connection;
      wire.destroy();
    }
    return undefined;
  }

  async #open(stop: AbortSignal): Promise<Connection | UpstreamFailure> {
    const opened = await connect(this.#target, this.#connectParts, stop);
    if ('scope' in opened) return opened;
    const { wire, tls, auth } = opened;
    const capabilities = this.#refusesChunks ? { ...opened.capabilities, chunking: false } : opened.capabilities;
    this.#parts.learn(capabilities);
    this.#parts.tell('upstreamConnected', { upstream: this.name, tls, auth, sizeLimit: capabilities.sizeLimit });
    return { wire, capabilities, tls, auth };
  }

  async #sendOver(connection: Connection, message: Message, stop: AbortSignal): Promise<Attempt> {
    const { wire } = connection;
    const cut = () => wire.destroy();
    stop.addEventListener('abort', cut, { once: true });
    try {
      const { attempt, reusable, refusesChunks } = await transact(connection, message);
      if (refusesChunks === true) this.#refusesChunks = true; // the next attempt goes by DATA
      if (reusable === 'no' || stop.aborted) wire.destroy();
      else this.#keep(connection, { needsReset: reusable === 'after-reset' });
      return attempt;
    } catch (error) {
      wire.destroy(); // the spool failed amid the data: the upstream must not take the half for the whole
      throw error;
    } finally {
      stop.removeEventListener('abort', cut);
    }
  }

  #keep(connection: Connection, { needsReset }: { readonly needsReset: boolean }): void {
    const cancel = this.#parts.clock.after(IDLE, () => {
      this.#idle = this.#idle.filter((other) => other !== one);
      void quit(connection.wire);
    });
    const one: Idle = { connection, needsReset, cancel };
    this.#idle.push(one);
  }
}
