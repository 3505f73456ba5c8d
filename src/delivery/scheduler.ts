// The delivery loop: takes what is due and sends it over the first upstream that is well; settle.ts decides
// what came of it. One timer, no polling.

import { type Cancel, type Clock, later, type Monotonic, type WallTime } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { Dropped, QueuedMessage, WaitingMessage } from '../vocabulary/queued-message.ts';
import type { Rate } from '../vocabulary/rate.ts';
import type { UpstreamStatus } from '../vocabulary/upstream-status.ts';
import { createClockWatch } from './clock-watch.ts';
import { createNotifier, type NotifySettings } from './notify.ts';
import type { Carrier, Queue } from './queue.ts';
import { createRoutes } from './routes.ts';
import { createSchedule } from './schedule.ts';
import { createSettlement, type SettleSettings } from './settle.ts';

export type SchedulerSettings = NotifySettings &
  SettleSettings & {
    /** Messages under way at once. */
    readonly connections: number;
    readonly rate: Rate | undefined;
  };

export type SchedulerParts = {
  readonly queue: Queue;
  /** In order of preference. */
  readonly carriers: readonly Carrier[];
  /** The system's own: that its date jumps is what is watched for. */
  readonly clock: Clock;
  /** The date as it is written into messages. */
  readonly wall: () => WallTime;
  readonly random: Random;
  readonly tell: Tell;
  readonly settings: SchedulerSettings;
};

export interface Scheduler {
  /** A message is in the spool. */
  offer(entry: QueuedMessage): void;
  /** Starts delivering. */
  start(): void;
  status(): readonly UpstreamStatus[];
  list(): IterableIterator<WaitingMessage>;
  find(id: QueueId): WaitingMessage | undefined;
  /** Makes everything due, for a device that asks; an upstream that is down or slowed stays so. */
  hurry(): void;
  /** Tries everything now, or these messages, on all upstreams: what the owner asks for. */
  runNow(ids?: ReadonlySet<QueueId>): void;
  /** Gives messages up, without a word to their senders; not those that are under way just now. */
  drop(ids: readonly QueueId[]): readonly Dropped[];
  /** Begins no delivery until it is released; what is under way ends by itself. Not kept over a restart. */
  hold(): void;
  release(): void;
  readonly isHeld: boolean;
  /** Stops; those under way get `grace` ms to end by themselves. */
  stop(grace: number): Promise<void>;
}

export function createScheduler(parts: SchedulerParts): Scheduler {
  const { queue, clock, tell, settings } = parts;
  const schedule = createSchedule();
  const routes = createRoutes({ ...parts, rate: settings.rate });
  const settlement = createSettlement({ ...parts, routes, notifier: createNotifier(parts) });
  const underWay = new Map<QueueId, { readonly entry: QueuedMessage; readonly done: Promise<void> }>();
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

  async function deliver(entry: QueuedMessage, carrier: Carrier): Promise<void> {
    try {
      const envelope = await queue.envelope(entry.id);
      const attempt = await carrier.send({ envelope, octets: entry.octets, body: queue.body(entry.id) }, cut.signal);
      if (cut.signal.aborted && attempt.result === 'no-answer') return; // stopping: the spool still has it
      const again = await settlement.settle({ entry, envelope, carrier }, attempt);
      if (again !== 'gone') schedule.offer(again.entry, again.at);
    } catch (error) {
      // The spool could not give the message, or nobody foresaw this. It stays, and is tried again much later.
      tell('fault', { where: `delivery of ${entry.id}`, error });
      routes.saidNothing(carrier);
      schedule.offer(entry, later(clock.now(), settings.retry.max));
    }
  }

  function describe(entry: QueuedMessage, at: Monotonic | 'due' | 'sending'): WaitingMessage {
    const now = clock.now();
    const { id, octets, device, attempts } = entry;
    const problem = settlement.problemOf(id);
    const isDue = typeof at === 'number' && at <= now;
    return {
      id,
      octets,
      device,
      attempts,
      ageSeconds: Math.round((now - entry.arrived) / 1000),
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
    hurry() {
      schedule.hurry();
      tick();
    },
    runNow(ids) {
      schedule.hurry(ids);
      routes.tryNow('all');
      tick();
    },
    drop(ids) {
      const removed = schedule.remove(new Set(ids.filter((id) => !underWay.has(id))));
      for (const id of removed) {
        queue.remove(id);
        settlement.forget(id);
        tell('dropped', { id });
      }
      return ids.map((id) => ({ id, result: removed.has(id) ? 'dropped' : underWay.has(id) ? 'sending' : 'unknown' }));
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
