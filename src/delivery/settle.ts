// What becomes of a message after an attempt: it is logged, its sender notified, the outcome written into the spool;
// and when the message is tried again, if it is. The scheduler only puts it back into the schedule.

import type { Envelope } from '../smtp/envelope.ts';
import { type Clock, later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { type Attempt, describeFailure, type Failure, isOfPace, type UpstreamFailure } from '../vocabulary/attempt.ts';
import type { Tell } from '../vocabulary/events.ts';
import { backOff, type Range } from './backoff.ts';
import { type Decision, decide, expire } from './decide.ts';
import type { Notifier } from './notify.ts';
import type { Carrier, Queue } from './queue.ts';
import type { Routes } from './routes.ts';
import type { PendingMessage } from './schedule.ts';

/** What the configuration says about messages that can't be delivered at once. */
export type SettleSettings = {
  /** How long a deferred message waits. */
  readonly retry: Range;
  /** Age in ms at which a deferral is the last. */
  readonly expireAfter: number;
  /** Age in ms at which the sender is notified of the delay; undefined for never. */
  readonly warnAfter: number | undefined;
};

type SettleParts = {
  readonly queue: Queue;
  readonly routes: Routes;
  readonly notifier: Notifier;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly tell: Tell;
  readonly settings: SettleSettings;
};

/** One attempt: which message, with which of its recipients, by which upstream. */
type Tried = { readonly message: PendingMessage; readonly envelope: Envelope; readonly carrier: Carrier };

/** The message as it is then, to be tried again at `at`. */
type Again = { readonly message: PendingMessage; readonly at: Monotonic };

// After this many consecutive lost connections or throttling replies, it is assumed that this message causes them: it
// backs off on its own, so that the others don't wait behind it.
const SETBACKS_UNTIL_SUSPECT = 2;
// Characters of the last answer to a message that are kept in memory.
const LONGEST_PROBLEM = 200;

/** Carries out what follows from an attempt. */
export class Settlement {
  readonly #parts: SettleParts;

  constructor(parts: SettleParts) {
    this.#parts = parts;
  }

  /** When the message is to be tried again; `gone` when no recipient waits any more. Rejects when the spool fails. */
  async settle(tried: Tried, attempt: Attempt): Promise<Again | 'gone'> {
    if (attempt.result === 'answered') return this.#answered(tried, attempt);
    const { message, carrier } = tried;
    const { failure } = attempt;
    if (attempt.maybeDelivered) this.#parts.tell('maybeDelivered', { id: message.id, upstream: carrier.name, problem: failure.problem });
    return this.#noAnswer(tried, failure);
  }

  /**
   * The upstream is unavailable: the message keeps its turn, unless it is always this message that ends the connection.
   */
  async #noAnswer(tried: Tried, failure: UpstreamFailure): Promise<Again | 'gone'> {
    const { routes, clock, random, settings } = this.#parts;
    const { message, envelope, carrier } = tried;
    routes.failed(carrier, failure);
    const setbacks = isInTransaction(failure) ? message.setbacks + 1 : message.setbacks;
    const isSuspect = isInTransaction(failure) && setbacks >= SETBACKS_UNTIL_SUSPECT;
    const now = clock.now();
    // Behind the others of its device, so that they go out even if this message is what ends the connection.
    if (!isSuspect) return { message: { ...message, setbacks }, at: now };
    if (this.#isOutOfTime(message)) return this.#conclude(tried, expire(envelope, failure));
    const at = later(now, backOff(setbacks - SETBACKS_UNTIL_SUSPECT, settings.retry, random));
    return { message: { ...message, setbacks, problem: problemOf(failure) }, at };
  }

  async #answered(tried: Tried, attempt: Extract<Attempt, { result: 'answered' }>): Promise<Again | 'gone'> {
    const { message, envelope, carrier } = tried;
    const decision = decide({ envelope, attempt, isOutOfTime: this.#isOutOfTime(message) });
    const ofAccount = [...decision.deferred, ...decision.expired].map(({ failure }) => failure).find(({ cause }) => isOfPace(cause));
    this.#parts.routes.answered(carrier, ofAccount);
    if (decision.deferred.length === 0) return this.#conclude(tried, decision);
    await this.#publish(tried, decision);
    return this.#defer({ ...tried, message: { ...message, setbacks: ofAccount === undefined ? 0 : message.setbacks + 1 } }, decision);
  }

  /** No recipient waits any more. */
  async #conclude(tried: Tried, decision: Decision): Promise<'gone'> {
    const { id } = tried.message;
    // The notification is on the flash before the message goes: a crash in between sends it twice, never not at all.
    await this.#publish(tried, decision);
    this.#parts.queue.remove(id);
    this.#parts.tell('removed', { id });
    return 'gone';
  }

  /** Logs what is settled, and notifies the sender of it. */
  async #publish({ message, envelope, carrier }: Tried, decision: Decision): Promise<void> {
    const { tell, notifier } = this.#parts;
    const { id, octets, device } = message;
    const upstream = carrier.name;
    const age = this.#ageOf(message);
    for (const { recipient, reply } of decision.delivered)
      tell('delivered', { id, upstream, recipient: recipient.forwardPath, reply, seconds: age / 1000 });
    for (const { recipient, failure } of decision.bounced) tell('bounced', { id, upstream, recipient: recipient.forwardPath, failure });
    for (const { recipient, failure } of decision.expired)
      tell('expired', { id, upstream, recipient: recipient.forwardPath, failure, hours: Math.round(age / 3_600_000) });
    const lost = [...decision.bounced, ...decision.expired.map((one) => ({ ...one, isExpired: true as const }))];
    const about = { id, octets, device, envelope, upstream };
    await notifier.notify({ ...about, action: 'failed', outcomes: lost });
    if (!decision.isNotifiedThere) await notifier.notify({ ...about, action: 'relayed', outcomes: decision.delivered });
  }

  /** Keeps the message for the recipients that still wait. */
  async #defer({ message, envelope, carrier }: Tried, decision: Decision): Promise<Again> {
    const { queue, routes, clock, random, tell, settings } = this.#parts;
    const { id } = message;
    const now = clock.now();
    // A refusal of the account would meet any message: this one goes behind those of its device, and the upstream's
    // pace decides when the next one goes, unless it is always this message that meets it.
    const waitsForPace = message.setbacks > 0 && message.setbacks < SETBACKS_UNTIL_SUSPECT;
    const at = waitsForPace ? now : later(now, backOff(message.attempts, settings.retry, random));
    const retryInSeconds = Math.round(((waitsForPace ? (routes.opensAt(now) ?? now) : at) - now) / 1000);
    for (const { recipient, failure } of decision.deferred)
      tell('deferred', { id, recipient: recipient.forwardPath, upstream: carrier.name, failure, retryInSeconds });
    const last = decision.deferred.at(-1);
    const attempts = message.attempts + (waitsForPace ? 0 : 1);
    const warned = message.warned || (await this.#warn({ message, envelope, carrier }, decision));
    const settled = [...decision.delivered, ...decision.bounced].map(({ recipient }) => recipient);
    await queue.record(id, settled, { attempts, warned });
    return { message: { ...message, attempts, warned, problem: last && problemOf(last.failure) }, at };
  }

  /** Notifies the sender of the delay if the message is old enough for that; resolves to whether it is. */
  async #warn({ message, envelope, carrier }: Tried, { deferred }: Decision): Promise<boolean> {
    const { notifier, settings } = this.#parts;
    const age = this.#ageOf(message);
    if (settings.warnAfter === undefined || age < settings.warnAfter) return false;
    const { id, octets, device } = message;
    const triedFor = settings.expireAfter - age;
    await notifier.notify({ id, octets, device, envelope, upstream: carrier.name, action: 'delayed', outcomes: deferred, triedFor });
    return true;
  }

  /** In ms. */
  #ageOf(message: PendingMessage): number {
    return this.#parts.clock.now() - message.arrived;
  }

  #isOutOfTime(message: PendingMessage): boolean {
    return this.#ageOf(message) >= this.#parts.settings.expireAfter;
  }
}

/** What is kept of the failure, for people. */
const problemOf = (failure: Failure): string => describeFailure(failure).slice(0, LONGEST_PROBLEM);

/** Whether the failure came while this message was being handed over. */
function isInTransaction({ stage }: UpstreamFailure): boolean {
  return stage === 'mail' || stage === 'rcpt' || stage === 'data' || stage === 'body' || stage === 'end-of-data';
}
