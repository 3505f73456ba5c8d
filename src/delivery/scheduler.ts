// The delivery loop: takes what is due, sends it over the first upstream that is well, writes down what
// came of it, and tells. One timer, no polling. An upstream's failure moves no message's schedule.

import type { Tell } from '../events.ts';
import type { Envelope } from '../smtp/envelope.ts';
import type { Attempt, UpstreamFailure } from '../smtp/outcome.ts';
import { type Cancel, type Clock, later } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { backOff, type Range } from './backoff.ts';
import { afterFailure, type Health, isOpen, UP, whileSending } from './health.ts';
import { type Decision, decide } from './outcome.ts';
import type { Carrier, Queue, QueueEntry } from './queue.ts';
import { createSchedule } from './schedule.ts';

export type SchedulerSettings = {
  /** Messages under way at once. */
  readonly connections: number;
  readonly retry: Range;
  /** Age in ms at which a deferral is the last. */
  readonly expireAfter: number;
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

/** An upstream's health as people see it. */
export type UpstreamStatus = {
  readonly name: string;
  readonly state: 'up' | 'down' | 'probing';
  readonly problem?: string;
  readonly downSeconds?: number;
  readonly retryInSeconds?: number;
};

export interface Scheduler {
  /** A message is in the spool. */
  offer(entry: QueueEntry): void;
  /** Starts delivering. */
  start(): void;
  status(): readonly UpstreamStatus[];
  /** Tries everything now. */
  runNow(): void;
  /** Stops; those under way get `grace` ms to end by themselves. */
  stop(grace: number): Promise<void>;
}

// A message that loses the upstream this often in a row is taken for the reason, and waits by itself.
const DROPS_UNTIL_SUSPECT = 2;

export function createScheduler(parts: SchedulerParts): Scheduler {
  const { queue, carriers, clock, random, tell, settings } = parts;
  const schedule = createSchedule();
  const health = new Map<Carrier, Health>(carriers.map((carrier) => [carrier, UP]));
  const problems = new Map<Carrier, string>();
  const drops = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  const cut = new AbortController();
  let isRunning = false;
  let cancelTimer: Cancel | undefined;

  const healthOf = (carrier: Carrier) => health.get(carrier) ?? UP;

  /** Sends what can be sent now, and sets the timer for the rest. */
  function tick(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    if (!isRunning) return;
    const now = clock.now();
    while (underWay.size < settings.connections) {
      const carrier = carriers.find((one) => isOpen(healthOf(one), now));
      const entry = carrier === undefined ? undefined : schedule.take(now);
      if (carrier === undefined || entry === undefined) break;
      health.set(carrier, whileSending(healthOf(carrier)));
      const delivery: Promise<void> = deliver(entry, carrier).finally(() => {
        underWay.delete(delivery);
        tick();
      });
      underWay.add(delivery);
    }
    const wakeAt = nextWake();
    if (wakeAt !== undefined && underWay.size < settings.connections) cancelTimer = clock.after(wakeAt - clock.now(), tick);
  }

  /** When something can be done next: when a message is due and an upstream may be tried. */
  function nextWake(): number | undefined {
    const due = schedule.wakeAt(clock.now());
    if (due === 'never') return undefined;
    const opens = carriers.map((carrier) => {
      const one = healthOf(carrier);
      return one.state === 'up' ? 0 : one.state === 'down' ? one.probeAt : Number.POSITIVE_INFINITY;
    });
    const at = Math.max(due, Math.min(...opens));
    return Number.isFinite(at) ? at : undefined; // a probe is under way: its end is the next news
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
      recover(carrier);
      schedule.offer(entry, later(clock.now(), settings.retry.max));
    }
  }

  /** A probe that ended without a word on the upstream: the next message probes. */
  function recover(carrier: Carrier): void {
    const one = healthOf(carrier);
    if (one.state === 'probing') health.set(carrier, { ...one, state: 'down', probeAt: clock.now() });
  }

  async function settle(entry: QueueEntry, envelope: Envelope, carrier: Carrier, attempt: Attempt): Promise<void> {
    if (attempt.result === 'no-answer') {
      if (attempt.maybeDelivered) tell('maybeDelivered', { id: entry.id, upstream: carrier.name, problem: attempt.failure.problem });
      return noAnswer(entry, carrier, attempt.failure);
    }
    answered(carrier);
    drops.delete(entry.id);
    const age = clock.now() - entry.arrived;
    const decision = decide(envelope, attempt.outcomes, age >= settings.expireAfter);
    report(entry, decision, carrier, age);
    if (decision.deferred.length === 0) {
      queue.remove(entry.id);
      tell('removed', { id: entry.id });
      return;
    }
    const attempts = entry.attempts + 1;
    const wait = backOff(entry.attempts, settings.retry, random);
    for (const { recipient, failure } of decision.deferred) {
      tell('deferred', {
        id: entry.id,
        recipient: recipient.forwardPath,
        upstream: carrier.name,
        failure,
        retryInSeconds: Math.round(wait / 1000),
      });
    }
    const settled = [...decision.delivered, ...decision.bounced].map(({ recipient }) => recipient);
    await queue.record(entry.id, settled, attempts);
    schedule.offer({ ...entry, attempts }, later(clock.now(), wait));
  }

  function report(entry: QueueEntry, decision: Decision, carrier: Carrier, age: number): void {
    const news = { id: entry.id, upstream: carrier.name };
    for (const { recipient, reply } of decision.delivered)
      tell('delivered', { ...news, recipient: recipient.forwardPath, reply, seconds: age / 1000 });
    for (const { recipient, failure } of decision.bounced) tell('bounced', { ...news, recipient: recipient.forwardPath, failure });
    for (const { recipient } of decision.expired)
      tell('expired', { id: entry.id, recipient: recipient.forwardPath, hours: Math.round(age / 3_600_000) });
  }

  function answered(carrier: Carrier): void {
    const before = healthOf(carrier);
    health.set(carrier, UP);
    if (before.state !== 'up') tell('upstreamUp', { upstream: carrier.name, downSeconds: Math.round((clock.now() - before.since) / 1000) });
  }

  function noAnswer(entry: QueueEntry, carrier: Carrier, failure: UpstreamFailure): void {
    const now = clock.now();
    const before = healthOf(carrier);
    const after = afterFailure(before, failure, now, random);
    health.set(carrier, after);
    problems.set(carrier, failure.problem);
    if (after !== before)
      tell('upstreamDown', { upstream: carrier.name, failure, retryInSeconds: Math.round((after.probeAt - now) / 1000) });
    // Behind the others of its device: if this message is what kills the connection, the rest still goes out.
    const dropped = isInTransaction(failure) ? (drops.get(entry.id) ?? 0) + 1 : 0;
    if (dropped > 0) drops.set(entry.id, dropped);
    const isSuspect = dropped >= DROPS_UNTIL_SUSPECT;
    schedule.offer(entry, isSuspect ? later(now, backOff(dropped - DROPS_UNTIL_SUSPECT, settings.retry, random)) : now);
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
    status: () =>
      carriers.map((carrier) => {
        const one = healthOf(carrier);
        if (one.state === 'up') return { name: carrier.name, state: 'up' };
        const downSeconds = Math.round((clock.now() - one.since) / 1000);
        const problem = problems.get(carrier) ?? '';
        const retry = one.state === 'down' ? { retryInSeconds: Math.max(0, Math.round((one.probeAt - clock.now()) / 1000)) } : {};
        return { name: carrier.name, state: one.state, problem, downSeconds, ...retry };
      }),
    runNow() {
      schedule.hurry();
      for (const [carrier, one] of health) if (one.state === 'down') health.set(carrier, { ...one, probeAt: clock.now() });
      tick();
    },
    async stop(grace) {
      isRunning = false;
      cancelTimer?.();
      const cancelGrace = clock.after(grace, () => cut.abort());
      while (underWay.size > 0) await Promise.all(underWay);
      cancelGrace();
    },
  };
}

/** Whether the failure came while this message was being handed over. */
function isInTransaction({ stage }: UpstreamFailure): boolean {
  return stage === 'mail' || stage === 'rcpt' || stage === 'data' || stage === 'body' || stage === 'end-of-data';
}
