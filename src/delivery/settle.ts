// What becomes of a message after an attempt: told to the log, told to its sender, written into the spool;
// and when it is tried again, if it is. The scheduler only puts it back into the schedule.

import type { Envelope } from '../smtp/envelope.ts';
import { type Clock, later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { type Attempt, describeFailure, type UpstreamFailure } from '../vocabulary/attempt.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { QueuedMessage } from '../vocabulary/queued-message.ts';
import { backOff, type Range } from './backoff.ts';
import { type Decision, decide } from './decide.ts';
import { isThrottle } from './health.ts';
import type { Notifier } from './notify.ts';
import type { Carrier, Queue } from './queue.ts';
import type { Routes } from './routes.ts';

export type SettleSettings = {
  readonly retry: Range;
  /** Age in ms at which a deferral is the last. */
  readonly expireAfter: number;
  /** Age in ms at which the sender is told of the delay; undefined for never. */
  readonly warnAfter: number | undefined;
};

export type SettleParts = {
  readonly queue: Queue;
  readonly routes: Routes;
  readonly notifier: Notifier;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly tell: Tell;
  readonly settings: SettleSettings;
};

/** One attempt with a message: who was to carry what. */
export type Tried = { readonly entry: QueuedMessage; readonly envelope: Envelope; readonly carrier: Carrier };

export type Again = { readonly entry: QueuedMessage; readonly at: Monotonic };

export interface Settlement {
  /** When the message is to be tried again; `gone` when nobody waits for it any more. */
  settle(tried: Tried, attempt: Attempt): Promise<Again | 'gone'>;
  /** What was last said to a message that waits. */
  problemOf(id: QueueId): string | undefined;
  /** The message has gone by other ways. */
  forget(id: QueueId): void;
}

// A message that loses the upstream's connection, or is told "slower", this often in a row is taken for
// the reason, and waits by itself: the others must not wait behind it.
const SETBACKS_UNTIL_SUSPECT = 2;
// What is kept in memory of the last answer to a message.
const LONGEST_PROBLEM = 200;

export function createSettlement(parts: SettleParts): Settlement {
  const { queue, routes, notifier, clock, random, tell, settings } = parts;
  const setbacks = new Map<QueueId, number>();
  const problems = new Map<QueueId, string>();

  const ageOf = (entry: QueuedMessage) => clock.now() - entry.arrived;
  const isOutOfTime = (entry: QueuedMessage) => ageOf(entry) >= settings.expireAfter;
  const forget = (id: QueueId) => {
    setbacks.delete(id);
    problems.delete(id);
  };

  function countSetback(id: QueueId): number {
    const count = (setbacks.get(id) ?? 0) + 1;
    setbacks.set(id, count);
    return count;
  }

  /** The upstream is sick, or was: no message's schedule moves, unless it is always this message. */
  async function noAnswer(tried: Tried, failure: UpstreamFailure): Promise<Again | 'gone'> {
    const { entry, envelope, carrier } = tried;
    routes.failed(carrier, failure);
    // Behind the others of its device: if this message is what kills the connection, the rest still goes out.
    const setback = isInTransaction(failure) ? countSetback(entry.id) : 0;
    const now = clock.now();
    if (setback < SETBACKS_UNTIL_SUSPECT) return { entry, at: now };
    problems.set(entry.id, describeFailure(failure).slice(0, LONGEST_PROBLEM));
    if (!isOutOfTime(entry)) return { entry, at: later(now, backOff(setback - SETBACKS_UNTIL_SUSPECT, settings.retry, random)) };
    const expired = envelope.recipients.map((recipient) => ({ recipient, failure }));
    return conclude(tried, { delivered: [], bounced: [], deferred: [], expired }, false);
  }

  async function answered(tried: Tried, attempt: Extract<Attempt, { result: 'answered' }>): Promise<Again | 'gone'> {
    const { entry, envelope, carrier } = tried;
    const decision = decide(envelope, attempt.outcomes, isOutOfTime(entry));
    const throttle = [...decision.deferred, ...decision.expired].map(({ failure }) => failure).find(isThrottle);
    if (throttle === undefined) {
      routes.answered(carrier);
      setbacks.delete(entry.id);
    } else routes.slowed(carrier, throttle);
    if (decision.deferred.length === 0) return conclude(tried, decision, attempt.notifies);
    // "Slower" is said to the account: the message goes to the end of its device's, and the upstream's pace decides.
    const waitsItself = throttle === undefined || countSetback(entry.id) >= SETBACKS_UNTIL_SUSPECT;
    report(tried, decision);
    await notify(tried, decision, attempt.notifies);
    return defer(tried, decision, waitsItself);
  }

  /** Nobody waits for it any more. */
  async function conclude(tried: Tried, decision: Decision, isNotifiedThere: boolean): Promise<'gone'> {
    const { id } = tried.entry;
    report(tried, decision);
    // The notification is on the flash before the message goes: a crash in between sends it twice, never not at all.
    await notify(tried, decision, isNotifiedThere);
    queue.remove(id);
    forget(id);
    tell('removed', { id });
    return 'gone';
  }

  function report({ entry, carrier }: Tried, decision: Decision): void {
    const news = { id: entry.id, upstream: carrier.name };
    for (const { recipient, reply } of decision.delivered)
      tell('delivered', { ...news, recipient: recipient.forwardPath, reply, seconds: ageOf(entry) / 1000 });
    for (const { recipient, failure } of decision.bounced) tell('bounced', { ...news, recipient: recipient.forwardPath, failure });
    for (const { recipient, failure } of decision.expired)
      tell('expired', { ...news, recipient: recipient.forwardPath, failure, hours: Math.round(ageOf(entry) / 3_600_000) });
  }

  async function notify({ entry: { id, octets }, envelope, carrier }: Tried, decision: Decision, isNotifiedThere: boolean): Promise<void> {
    const lost = [...decision.bounced, ...decision.expired.map((one) => ({ ...one, isExpired: true as const }))];
    await notifier.notify({ id, octets, envelope }, 'failed', lost, carrier.name);
    if (!isNotifiedThere) await notifier.notify({ id, octets, envelope }, 'relayed', decision.delivered, carrier.name);
  }

  async function defer({ entry, envelope, carrier }: Tried, decision: Decision, waitsItself: boolean): Promise<Again> {
    const { id, octets } = entry;
    const now = clock.now();
    const at = waitsItself ? later(now, backOff(entry.attempts, settings.retry, random)) : now;
    const retryAt = waitsItself ? at : (routes.opensAt(now) ?? now);
    for (const { recipient, failure } of decision.deferred) {
      const retryInSeconds = Math.round((retryAt - now) / 1000);
      tell('deferred', { id, recipient: recipient.forwardPath, upstream: carrier.name, failure, retryInSeconds });
      problems.set(id, describeFailure(failure).slice(0, LONGEST_PROBLEM));
    }
    const isLate = settings.warnAfter !== undefined && ageOf(entry) >= settings.warnAfter;
    if (isLate && !entry.warned)
      await notifier.notify(
        { id, octets, envelope, triedFor: settings.expireAfter - ageOf(entry) },
        'delayed',
        decision.deferred,
        carrier.name,
      );
    const progress = { attempts: entry.attempts + (waitsItself ? 1 : 0), warned: entry.warned || isLate };
    const settled = [...decision.delivered, ...decision.bounced].map(({ recipient }) => recipient);
    await queue.record(id, settled, progress);
    return { entry: { ...entry, ...progress }, at };
  }

  return {
    settle(tried, attempt) {
      if (attempt.result === 'answered') return answered(tried, attempt);
      const { entry, carrier } = tried;
      if (attempt.maybeDelivered) tell('maybeDelivered', { id: entry.id, upstream: carrier.name, problem: attempt.failure.problem });
      return noAnswer(tried, attempt.failure);
    },
    problemOf: (id) => problems.get(id),
    forget,
  };
}

/** Whether the failure came while this message was being handed over. */
function isInTransaction({ stage }: UpstreamFailure): boolean {
  return stage === 'mail' || stage === 'rcpt' || stage === 'data' || stage === 'body' || stage === 'end-of-data';
}
