// An upstream: connections are made when they are needed, kept for the next message, and closed when idle.

import type { LookupFunction } from 'node:net';
import type { Mailbox } from '../smtp/address.ts';
import { withoutNotifications } from '../smtp/envelope.ts';
import { describeReply } from '../smtp/reply.ts';
import type { Cancel, Clock } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import type { Attempt, MessageFailure, UpstreamFailure } from '../vocabulary/attempt.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import type { Message } from './adapt.ts';
import { Addresses } from './addresses.ts';
import { type Capabilities, NO_CAPABILITIES } from './capabilities.ts';
import { type Connection, type ConnectParts, connect } from './connect.ts';
import { quit, reset } from './dialogue.ts';
import { ON_SILENCE } from './explain.ts';
import { Habits, type HabitsParts, suspectOf } from './habits.ts';
import { withOwnSender } from './null-path.ts';
import { extensionsInUse, transact } from './transaction.ts';
import type { Trust } from './trust.ts';
import { Turns } from './turns.ts';

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

// How often a message is sent in one attempt: each time but the first since something was learned that can mend it.
const MOST_TIMES = 4;

type Idle = { readonly connection: Connection; readonly needsReset: boolean; readonly cancel: Cancel };

/** One upstream, with its idle connections and what was learned of it. */
export class Upstream {
  /** Host and port. */
  readonly name: string;
  /** Whose mail it is for. */
  readonly senders: UpstreamTarget['senders'];
  readonly #target: UpstreamTarget;
  readonly #parts: UpstreamParts;
  readonly #connectParts: ConnectParts;
  #idle: Idle[] = [];
  readonly #habits: Habits;
  readonly #turns: Turns;
  /** Connections whose greeting is overdue. */
  #silent = 0;
  /** What the last connection offered that works. */
  #offered: Capabilities = NO_CAPABILITIES;

  constructor(target: UpstreamTarget, parts: UpstreamParts) {
    this.name = formatEndpoint(target);
    this.senders = target.senders;
    this.#target = target;
    this.#parts = parts;
    const { clock, random, hostname, trust, lookup, tell } = parts;
    this.#habits = new Habits({ ...parts.habits, say: (sentence) => tell('upstreamLearned', { upstream: this.name, sentence }) });
    this.#turns = new Turns(() => this.#habits.isSingle);
    const addresses = new Addresses(target.host, clock, lookup);
    this.#connectParts = {
      clock,
      random,
      hostname,
      trust,
      addresses,
      habits: this.#habits,
      memory: { session: undefined },
      onSilence: (isSilent) => {
        this.#silent += isSilent ? 1 : -1;
      },
    };
  }

  /**
   * What the owner can do about a server that has accepted a connection and says nothing; undefined while there is
   * none.
   */
  get hint(): string | undefined {
    return this.#silent > 0 ? ON_SILENCE : undefined;
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

  /** Sends it, and once more in another way for each thing that is learned on the way. */
  async #sendOne(message: Message, stop: AbortSignal): Promise<Attempt> {
    for (let times = 1; ; times++) {
      const hasOthers = this.#turns.active > 0 || this.#idle.length > 0;
      const { attempt, wasKept } = await this.#turns.take(() => this.#sendOnce(message, stop), stop);
      const isWorthAnother = this.#learnFrom(attempt, { message, wasKept, hasOthers });
      if (!isWorthAnother || stop.aborted || times === MOST_TIMES) return attempt;
    }
  }

  async #sendOnce(message: Message, stop: AbortSignal): Promise<{ readonly attempt: Attempt; readonly wasKept: boolean }> {
    const kept = await this.#reuse();
    if (kept !== undefined) return { attempt: await this.#sendOver(kept, message, stop), wasKept: true };
    const made = await this.#open(stop);
    if ('scope' in made) return { attempt: { result: 'no-answer', failure: made, maybeDelivered: false }, wasKept: false };
    return { attempt: await this.#sendOver(made, message, stop), wasKept: false };
  }

  /** Takes note of what the attempt says of the upstream's habits; whether the message would fare better now. */
  #learnFrom(attempt: Attempt, { message, wasKept, hasOthers }: Circumstances): boolean {
    // The server may close a connection that was idle, or has carried enough, at any moment. That does not make it
    // unavailable: the message goes over another one.
    if (isAboutConnection(attempt)) return wasKept;
    if (isAboutNumber(attempt)) {
      this.#habits.learnSingle();
      for (const { connection, cancel } of this.#idle.splice(1)) {
        cancel();
        void quit(connection.wire);
      }
      return hasOthers; // if none was ours, another one of ours fares no better
    }
    const refusals = extensionRefusals(attempt);
    const [first] = refusals;
    if (first === undefined) return false;
    const extension = suspectOf(first, extensionsInUse(message, this.#offered));
    if (extension === undefined) return false;
    this.#habits.giveUp(extension, `refuses it: ${describeReply(first.reply)}`);
    return attempt.result === 'answered' && refusals.length === attempt.outcomes.length;
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
    this.#offered = capabilities;
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

/** `hasOthers`: whether there were other connections of ours. */
type Circumstances = { readonly message: Message; readonly wasKept: boolean; readonly hasOthers: boolean };

/** Whether the attempt failed with the connection alone: it was closed while it was idle, or has served its turn. */
function isAboutConnection(attempt: Attempt): boolean {
  if (attempt.result === 'answered') return false;
  const { stage, reply, cause } = attempt.failure;
  return cause === 'connection' || (stage === 'mail' && reply === undefined);
}

/** Whether the provider takes fewer connections at once. */
const isAboutNumber = (attempt: Attempt): boolean => attempt.result === 'no-answer' && attempt.failure.cause === 'single';

/** Refusals of something that the server offers. */
function extensionRefusals(attempt: Attempt): readonly MessageFailure[] {
  if (attempt.result === 'no-answer') return [];
  return attempt.outcomes.flatMap((one) => (one.outcome !== 'delivered' && one.failure.cause === 'extension' ? [one.failure] : []));
}
