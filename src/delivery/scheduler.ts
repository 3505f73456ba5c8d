// The delivery loop: takes what is due, sends it over the first upstream that is well, writes down what
// came of it, and tells. One timer, no polling. An upstream's failure moves no message's schedule.

import type { QueueId, Tell } from '../events.ts';
import type { Envelope } from '../smtp/envelope.ts';
import { type Attempt, describeFailure, type Failure, type UpstreamFailure } from '../smtp/outcome.ts';
import { type Cancel, type Clock, later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { backOff, type Range } from './backoff.ts';
import { createClockWatch } from './clock-watch.ts';
import { isThrottle } from './health.ts';
import { createNotifier, type NotifySettings } from './notify.ts';
import { type Decision, decide } from './outcome.ts';
import type { Rate } from './pace.ts';
import type { Carrier, Queue, QueueEntry } from './queue.ts';
import { createRoutes, type UpstreamStatus } from './routes.ts';
import { createSchedule } from './schedule.ts';

export type SchedulerSettings = NotifySettings & {
  /** Messages under way at once. */
  readonly connections: number;
  readonly rate: Rate | undefined;
  readonly retry: Range;
  /** Age in ms at which a deferral is the last. */
  readonly expireAfter: number;
  /** Age in ms at which the sender is told of the delay; undefined for never. */
  readonly warnAfter: number | undefined;
};

export type SchedulerParts = {
  readonly queue: Queue;
  /** In order of preference. */
  readonly carriers: readonly Carrier[];
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
  readonly settings: SchedulerSettings;
};

/** A message that waits, as people see it. */
export type WaitingMessage = {
  readonly id: QueueId;
  readonly octets: number;
  readonly device: string;
  readonly ageSeconds: number;
  readonly attempts: number;
  readonly state: 'sending' | 'due' | 'deferred';
  readonly retryInSeconds?: number;
  /** What was last said to it. */
  readonly problem?: string;
};

export interface Scheduler {
  /** A message is in the spool. */
  offer(entry: QueueEntry): void;
  /** Starts delivering. */
  start(): void;
  status(): readonly UpstreamStatus[];
  list(): IterableIterator<WaitingMessage>;
  find(id: QueueId): WaitingMessage | undefined;
  /** Tries everything now, or these messages, on all upstreams. */
  runNow(ids?: ReadonlySet<QueueId>): void;
  /** Gives a message up, without a word to its sender; `sending` when it is under way just now. */
  drop(id: QueueId): 'dropped' | 'sending' | 'unknown';
  /** Begins no delivery until it is released; what is under way ends by itself. Not kept over a restart. */
  hold(): void;
  release(): void;
  readonly isHeld: boolean;
  /** Stops; those under way get `grace` ms to end by themselves. */
  stop(grace: number): Promise<void>;
}

// A message that loses the upstream's connection, or is told "slower", this often in a row is taken for
// the reason, and waits by itself: the others must not wait behind it.
const SETBACKS_UNTIL_SUSPECT = 2;

export function createScheduler(parts: SchedulerParts): Scheduler {
  const { queue, clock, random, tell, settings } = parts;
  const schedule = createSchedule();
  const routes = createRoutes({ ...parts, rate: settings.rate });
  const notifier = createNotifier(parts);
  const setbacks = new Map<QueueId, number>();
  const problems = new Map<QueueId, string>();
  const underWay = new Map<QueueId, { readonly entry: QueueEntry; readonly done: Promise<void> }>();
  const cut = new AbortController();
  let isRunning = false;
  let isHeld = false;
  let cancelTimer: Cancel | undefined;
  const clockWatch = createClockWatch(clock, () => {
    routes.tryNow('clock');
    tick();
  });

  /** Sends what can be sent now, and sets the timer for the rest. */
  function tick(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    if (!isRunning || isHeld) return;
    const now = clock.now();
    while (underWay.size < settings.connections && schedule.hasDue(now)) {
      const carrier = routes.take(now);
      const entry = carrier && schedule.take(now);
      if (carrier === undefined || entry === undefined) break;
      const done = deliver(entry, carrier).finally(() => {
        underWay.delete(entry.id);
        tick();
      });
      underWay.set(entry.id, { entry, done });
    }
    if (routes.waitsForClock) clockWatch.start();
    else clockWatch.stop();
    const wakeAt = nextWake();
    if (wakeAt !== undefined && underWay.size < settings.connections) cancelTimer = clock.after(wakeAt - clock.now(), tick);
  }

  /** When something can be done next: when a message is due and an upstream may be tried. */
  function nextWake(): number | undefined {
    const now = clock.now();
    const due = schedule.wakeAt(now);
    const opens = routes.opensAt(now);
    // Without an opening a probe is under way: its end is the next news.
    return due === 'never' || opens === undefined ? undefined : Math.max(due, opens);
  }

  async function deliver(entry: QueueEntry, carrier: Carrier): Promise<void> {
    try {
      const envelope = await queue.envelope(entry.id);
      const attempt = await carrier.send({ envelope, octets: entry.octets, body: queue.body(entry.id) }, cut.signal);
      if (cut.signal.aborted && attempt.result === 'no-answer') return; // stopping: the spool still has it
      await settle(entry, envelope, carrier, attempt);
    } catch (error) {
      // The spool could not give the message, or nobody foresaw this. It stays, and is tried again much later.
      tell('fault', { where: `delivery of ${entry.id}`, error });
      routes.saidNothing(carrier);
      schedule.offer(entry, later(clock.now(), settings.retry.max));
    }
  }

  async function settle(entry: QueueEntry, envelope: Envelope, carrier: Carrier, attempt: Attempt): Promise<void> {
    if (attempt.result === 'no-answer') {
      if (attempt.maybeDelivered) tell('maybeDelivered', { id: entry.id, upstream: carrier.name, problem: attempt.failure.problem });
      return noAnswer(entry, envelope, carrier, attempt.failure);
    }
    const decision = decide(envelope, attempt.outcomes, isOutOfTime(entry));
    const throttle = [...decision.deferred, ...decision.expired].map(({ failure }) => failure).find(isThrottle);
    if (throttle === undefined) routes.answered(carrier);
    else routes.slowed(carrier, throttle);
    const setback = throttle === undefined ? 0 : countSetback(entry.id);
    if (throttle === undefined) setbacks.delete(entry.id);
    await conclude(entry, envelope, carrier, decision, attempt.notifies);
    if (decision.deferred.length > 0) await defer(entry, envelope, carrier, decision, setback);
  }

  const isOutOfTime = (entry: QueueEntry) => ageOf(entry) >= settings.expireAfter;
  const ageOf = (entry: QueueEntry) => clock.now() - entry.arrived;

  function countSetback(id: QueueId): number {
    const count = (setbacks.get(id) ?? 0) + 1;
    setbacks.set(id, count);
    return count;
  }

  /** Tells what is settled, the log first and then who sent it; a message with nobody left waiting leaves the spool. */
  async function conclude(
    entry: QueueEntry,
    envelope: Envelope,
    carrier: Carrier,
    decision: Decision,
    isNotifiedThere: boolean,
  ): Promise<void> {
    const { id } = entry;
    const news = { id, upstream: carrier.name };
    for (const { recipient, reply } of decision.delivered)
      tell('delivered', { ...news, recipient: recipient.forwardPath, reply, seconds: ageOf(entry) / 1000 });
    for (const { recipient, failure } of decision.bounced) tell('bounced', { ...news, recipient: recipient.forwardPath, failure });
    for (const { recipient, failure } of decision.expired)
      tell('expired', { ...news, recipient: recipient.forwardPath, failure, hours: Math.round(ageOf(entry) / 3_600_000) });
    // The notification is on the flash before the message goes: a crash in between sends it twice, never not at all.
    const lost = [...decision.bounced, ...decision.expired.map((one) => ({ ...one, isExpired: true as const }))];
    await notifier.notify({ id, envelope }, 'failed', lost, carrier.name);
    if (!isNotifiedThere) await notifier.notify({ id, envelope }, 'relayed', decision.delivered, carrier.name);
    if (decision.deferred.length > 0) return;
    queue.remove(id);
    forget(id);
    tell('removed', { id });
  }

  function forget(id: QueueId): void {
    setbacks.delete(id);
    problems.delete(id);
  }

  async function defer(
    entry: QueueEntry,
    envelope: Envelope,
    carrier: Carrier,
    { deferred, delivered, bounced }: Decision,
    setback: number,
  ) {
    // "Slower" is said to the account: the message goes to the end of its device's, and the upstream's pace decides.
    const waitsItself = setback === 0 || setback >= SETBACKS_UNTIL_SUSPECT;
    const now = clock.now();
    const at = waitsItself ? later(now, backOff(entry.attempts, settings.retry, random)) : now;
    const retryAt = waitsItself ? at : (routes.opensAt(now) ?? now);
    for (const { recipient, failure } of deferred) {
      const retryInSeconds = Math.round((retryAt - now) / 1000);
      tell('deferred', { id: entry.id, recipient: recipient.forwardPath, upstream: carrier.name, failure, retryInSeconds });
      problems.set(entry.id, describeFailure(failure).slice(0, LONGEST_PROBLEM));
    }
    const warned = entry.warned || (await warn(entry, envelope, carrier, deferred));
    const attempts = entry.attempts + (waitsItself ? 1 : 0);
    const settled = [...delivered, ...bounced].map(({ recipient }) => recipient);
    await queue.record(entry.id, settled, { attempts, warned });
    schedule.offer({ ...entry, attempts, warned }, at);
  }

  /** Tells the sender that it takes long, once; whether that is done. */
  async function warn(entry: QueueEntry, envelope: Envelope, carrier: Carrier, deferred: Decision['deferred']): Promise<boolean> {
    if (settings.warnAfter === undefined || ageOf(entry) < settings.warnAfter) return false;
    const message = { id: entry.id, envelope, triedFor: settings.expireAfter - ageOf(entry) };
    await notifier.notify(message, 'delayed', deferred, carrier.name);
    return true;
  }

  async function noAnswer(entry: QueueEntry, envelope: Envelope, carrier: Carrier, failure: UpstreamFailure): Promise<void> {
    routes.failed(carrier, failure);
    // Behind the others of its device: if this message is what kills the connection, the rest still goes out.
    const setback = isInTransaction(failure) ? countSetback(entry.id) : 0;
    const now = clock.now();
    if (setback < SETBACKS_UNTIL_SUSPECT) return schedule.offer(entry, now);
    problems.set(entry.id, describeFailure(failure).slice(0, LONGEST_PROBLEM));
    if (isOutOfTime(entry)) return conclude(entry, envelope, carrier, allExpired(envelope, failure), false);
    schedule.offer(entry, later(now, backOff(setback - SETBACKS_UNTIL_SUSPECT, settings.retry, random)));
  }

  function describe(entry: QueueEntry, at: Monotonic | 'due' | 'sending'): WaitingMessage {
    const now = clock.now();
    const { id, octets, device, attempts } = entry;
    const problem = problems.get(id);
    const isDue = typeof at === 'number' && at <= now;
    return {
      id,
      octets,
      device,
      attempts,
      ageSeconds: Math.round(ageOf(entry) / 1000),
      ...(at === 'sending'
        ? { state: 'sending' }
        : at === 'due' || isDue
          ? { state: 'due' }
          : { state: 'deferred', retryInSeconds: Math.round((at - now) / 1000) }),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  function* list(): IterableIterator<WaitingMessage> {
    for (const { entry } of underWay.values()) yield describe(entry, 'sending');
    for (const { entry, at } of schedule.list()) yield describe(entry, at);
  }

  return {
    offer(entry) {
      schedule.offer(entry, clock.now());
      tick();
    },
    start() {
      isRunning = true;
      tick();
    },
    status: () => routes.status(),
    list,
    find(id) {
      for (const one of list()) if (one.id === id) return one;
      return undefined;
    },
    runNow(ids) {
      schedule.hurry(ids);
      routes.tryNow('all');
      tick();
    },
    drop(id) {
      if (underWay.has(id)) return 'sending';
      if (!schedule.remove(id)) return 'unknown';
      queue.remove(id);
      forget(id);
      tell('dropped', { id });
      return 'dropped';
    },
    hold() {
      if (isHeld) return;
      isHeld = true;
      tell('held');
      tick();
    },
    release() {
      if (!isHeld) return;
      isHeld = false;
      tell('released');
      tick();
    },
    get isHeld() {
      return isHeld;
    },
    async stop(grace) {
      isRunning = false;
      cancelTimer?.();
      clockWatch.stop();
      const cancelGrace = clock.after(grace, () => cut.abort());
      while (underWay.size > 0) await Promise.all([...underWay.values()].map(({ done }) => done));
      cancelGrace();
    },
  };
}

// What is kept in memory of the last reply to a message.
const LONGEST_PROBLEM = 200;

/** Whether the failure came while this message was being handed over. */
function isInTransaction({ stage }: UpstreamFailure): boolean {
  return stage === 'mail' || stage === 'rcpt' || stage === 'data' || stage === 'body' || stage === 'end-of-data';
}

function allExpired(envelope: Envelope, failure: Failure): Decision {
  return { delivered: [], bounced: [], deferred: [], expired: envelope.recipients.map((recipient) => ({ recipient, failure })) };
}
