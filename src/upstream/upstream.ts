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
import type { Message } from './adapt.ts';
import { Addresses } from './addresses.ts';
import type { Capabilities } from './capabilities.ts';
import { type Connection, type ConnectParts, connect } from './connect.ts';
import { quit, reset } from './dialogue.ts';
import { Habits, type HabitsParts } from './habits.ts';
import { withOwnSender } from './null-path.ts';
import { extensionsInUse, transact } from './transaction.ts';
import type { Trust } from './trust.ts';

type UpstreamParts = {
  readonly clock: Clock;
  readonly random: Random;
  /** For EHLO; an address literal where undefined. */
  readonly hostname: string | undefined;
  readonly trust: Trust;
  readonly tell: Tell;
  /** Whether notifications may go to that sender: else the upstream is asked to send none. */
  readonly mayNotify: (sender: Mailbox) => boolean;
  /** Whom messages with the null reverse-path are from where the upstream takes none; they bounce when absent. */
  readonly ownSender?: Mailbox | undefined;
  /** Called at every connection with what the upstream offers. */
  readonly learn: (capabilities: Capabilities) => void;
  /** What was learned of it before, and where it is kept. */
  readonly habits: Omit<HabitsParts, 'say'>;
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
  readonly #habits: Habits;

  constructor(target: UpstreamTarget, parts: UpstreamParts) {
    this.name = formatEndpoint(target);
    this.#target = target;
    this.#parts = parts;
    const { clock, random, hostname, trust, lookup, tell } = parts;
    this.#habits = new Habits({ ...parts.habits, say: (sentence) => tell('upstreamLearned', { upstream: this.name, sentence }) });
    const addresses = new Addresses(target.host, clock, lookup);
    this.#connectParts = { clock, random, hostname, trust, addresses, habits: this.#habits, memory: { session: undefined } };
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
      // The server may close a connection that was idle, or has carried enough, at any moment. That does not make it
      // unavailable: the message goes over a new one.
      if (!isAboutConnection(attempt) || stop.aborted) return attempt;
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
      if (!wire.isClosed && !wire.hasUnread() && (!one.needsReset || (await reset(wire)))) return { ...one.connection, isKept: true };
      wire.destroy();
    }
    return undefined;
  }

  async #open(stop: AbortSignal): Promise<Connection | UpstreamFailure> {
    const opened = await connect(this.#target, this.#connectParts, stop);
    if ('scope' in opened) return opened;
    const { tls, auth, capabilities } = opened;
    this.#parts.learn(capabilities);
    this.#parts.tell('upstreamConnected', { upstream: this.name, tls, auth, sizeLimit: capabilities.sizeLimit });
    return opened;
  }

  async #sendOver(connection: Connection, message: Message, stop: AbortSignal): Promise<Attempt> {
    const { wire } = connection;
    const cut = () => wire.destroy();
    stop.addEventListener('abort', cut, { once: true });
    try {
      const { attempt, reusable, refusesChunks, breaksSignature } = await transact(connection, message);
      if (breaksSignature) this.#parts.tell('signatureBroken', { upstream: this.name, envelope: message.envelope });
      if (refusesChunks === true) this.#habits.giveUp('CHUNKING', 'does not know BDAT');
      else this.#habits.observe(attempt, extensionsInUse(message, connection.capabilities));
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

/** Whether the attempt failed with the connection alone: it was closed while it was idle, or has served its turn. */
function isAboutConnection(attempt: Attempt): boolean {
  if (attempt.result === 'answered') return false;
  const { stage, reply, cause } = attempt.failure;
  return cause === 'connection' || (stage === 'mail' && reply === undefined);
}
