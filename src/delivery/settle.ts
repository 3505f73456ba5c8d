// What becomes of a message after an attempt: it is logged, its sender notified, the outcome written into the spool;
// and when the message is tried again, if it is. The scheduler only puts it back into the schedule.

import type { Envelope } from '../smtp/envelope.ts';
import { excerpt } from '../smtp/printable.ts';
import { type Clock, later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { type Attempt, describeFailure, type Failure, isTransactionStage, type UpstreamFailure } from '../vocabulary/attempt.ts';
import { isOfPace } from '../vocabulary/cause.ts';
import type { Tell } from '../vocabulary/events.ts';
import { backOff, type Range } from './backoff.ts';
import { type Decision, decide, expire } from './decide.ts';
import { moreTrouble, type Trouble } from './evidence.ts';
import { HeldSenders } from './held-senders.ts';
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

// After so many lost connections in a row that no other message has met, or so many refusals while others were taken,
// it is assumed that this message causes them: it backs off by itself, so that the others don't wait behind it.
const ATTEMPTS_UNTIL_SUSPECT = 2;
// After so many refusals for good in unknown words while others were taken, or after so many ms, they are believed.
const ATTEMPTS_UNTIL_BOUNCED = 3;
const LONGEST_HOLD = 8 * 3_600_000;
// Characters of the last answer to a message that are kept in memory.
const LONGEST_PROBLEM = 200;

/** Carries out what follows from an attempt. */
export class Settlement {
  readonly #parts: SettleParts;
  readonly #senders: HeldSenders;

  constructor(parts: SettleParts) {
    this.#parts = parts;
    this.#senders = new HeldSenders(parts.random, parts.settings.retry);
  }

  /** When the message is to be tried again; `gone` when no recipient waits any more. Rejects when the spool fails. */
  async settle(tried: Tried, attempt: Attempt): Promise<Again | 'gone'> {
    if (attempt.result === 'answered') return this.#answered(tried, attempt);
    const { message, carrier } = tried;
    const { failure } = attempt;
    if (attempt.maybeDelivered) this.#parts.tell('maybeDelivered', { id: message.id, upstream: carrier.name, problem: failure.problem });
    return this.#noAnswer(tried, failure);
  }

  /** Until when messages of this sender wait, and the message with the reason; undefined when it may go. */
  heldUntil({ message, envelope, carrier }: Tried): Again | undefined {
    const held = this.#senders.find(carrier.name, envelope.reversePath, this.#parts.clock.now());
    return held && { message: { ...message, problem: held.problem }, at: held.until };
  }

  /**
   * The upstream is unavailable: the message keeps its turn, unless it is always this message that ends the connection.
   */
  async #noAnswer(tried: Tried, failure: UpstreamFailure): Promise<Again | 'gone'> {
    const { routes, clock, random, settings } = this.#parts;
    const { message, envelope, carrier } = tried;
    const { isShared, taken } = routes.failed(carrier, message.id, failure);
    const now = clock.now();
    const problem = problemOf(failure);
    // Behind the others of its device, so that they go out even if this message is what ends the connection.
    if (!isTransactionStage(failure.stage)) return { message: { ...message, problem }, at: now };
    const trouble = moreTrouble(message.trouble, { upstream: carrier.name, at: now, taken, isShared });
    if (!isSuspect(trouble, taken, failure)) return { message: { ...message, trouble, problem }, at: now };
    if (this.#isOutOfTime(message)) return this.#conclude(tried, expire(envelope, failure));
    const at = later(now, backOff(trouble.attempts - ATTEMPTS_UNTIL_SUSPECT, settings.retry, random));
    return { message: { ...message, trouble, problem }, at };
  }

  async #answered(tried: Tried, attempt: Extract<Attempt, { result: 'answered' }>): Promise<Again | 'gone'> {
    const { message, envelope, carrier } = tried;
    const now = this.#parts.clock.now();
    const { isOfUpstream, isShared, taken } = this.#parts.routes.answered(carrier, message.id, attempt.outcomes);
    const more = moreTrouble(message.trouble, { upstream: carrier.name, at: now, taken, isShared });
    const isBelieved = hasBeenHeld(more, now) || (more.attempts >= ATTEMPTS_UNTIL_BOUNCED && taken > more.takenBefore);
    const decision = decide({ envelope, attempt, isOutOfTime: this.#isOutOfTime(message), isHeldNoMore: !isShared && isBelieved });
    if (decision.delivered.length > 0) this.#senders.taken(carrier.name, envelope.reversePath);
    if (decision.deferred.length === 0) return this.#conclude(tried, decision);
    await this.#publish(tried, decision);
    const isOwnFault = more.attempts >= ATTEMPTS_UNTIL_SUSPECT && taken > more.takenBefore;
    const trouble = decision.deferred.some(({ failure }) => isTrouble(failure)) ? more : undefined;
    return this.#defer({ ...tried, message: { ...message, trouble } }, decision, isOfUpstream && !isOwnFault);
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

  /** Keeps the message for the recipients that still wait; `waitsForUpstream`: any message would have met the same. */
  async #defer(tried: Tried, decision: Decision, waitsForUpstream: boolean): Promise<Again> {
    const { queue, routes, clock, tell } = this.#parts;
    const { message, carrier } = tried;
    const { id } = message;
    const now = clock.now();
    const last = decision.deferred.at(-1);
    const problem = last && problemOf(last.failure);
    // Behind those of its device; the upstream's pace decides when the next one goes.
    const at = waitsForUpstream ? now : this.#retryAt(tried, decision, problem);
    const retryInSeconds = Math.round(((waitsForUpstream ? (routes.opensAt(now) ?? now) : at) - now) / 1000);
    for (const { recipient, failure } of decision.deferred)
      tell('deferred', { id, recipient: recipient.forwardPath, upstream: carrier.name, failure, retryInSeconds });
    const attempts = message.attempts + (waitsForUpstream ? 0 : 1);
    const warned = message.warned || (await this.#warn(tried, decision));
    const settled = [...decision.delivered, ...decision.bounced].map(({ recipient }) => recipient);
    await queue.record(id, settled, { attempts, warned });
    return { message: { ...message, attempts, warned, problem }, at };
  }

  /** When a message that waits by itself, or with those of its sender, is tried again. */
  #retryAt({ message, envelope, carrier }: Tried, { deferred }: Decision, problem = ''): Monotonic {
    const { clock, random, settings } = this.#parts;
    const now = clock.now();
    return deferred.some(({ failure }) => failure.cause === 'sender')
      ? this.#senders.refused(carrier.name, envelope.reversePath, problem, now)
      : later(now, backOff(message.attempts, settings.retry, random));
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
const problemOf = (failure: Failure): string => excerpt(describeFailure(failure), LONGEST_PROBLEM);

/** Whether the message may be what such failures come from. */
const isTrouble = ({ cause }: Failure): boolean => isOfPace(cause) || cause === 'unknown' || cause === 'extension';

const hasBeenHeld = ({ since }: Trouble, now: Monotonic): boolean => now - since >= LONGEST_HOLD;

/**
 * Whether the message seems to be what ends the connection. A reply to MAIL or RCPT costs little, and is asked for
 * again with the others, as long as none of them is taken.
 */
function isSuspect({ attempts, takenBefore }: Trouble, taken: number, { cause, stage, reply }: UpstreamFailure): boolean {
  if (attempts < ATTEMPTS_UNTIL_SUSPECT || cause !== 'plain') return false;
  const isCheap = reply !== undefined && (stage === 'mail' || stage === 'rcpt');
  return taken > takenBefore || !isCheap;
}
