// The delivery loop: takes what is due and sends it over the first upstream that is available; settle.ts decides
// what came of it. One timer, no polling.

import { type Cancel, type Clock, later, type Monotonic, type WallTime } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { Dropped, QueuedMessage, WaitingMessage } from '../vocabulary/queued-message.ts';
import type { Rate } from '../vocabulary/rate.ts';
import { upstreamsFor } from '../vocabulary/sender-route.ts';
import type { UpstreamStatus } from '../vocabulary/upstream-status.ts';
import { ClockWatch } from './clock-watch.ts';
import { Lanes } from './lanes.ts';
import { Notifier, type NotifySettings } from './notify.ts';
import type { Carrier, Queue } from './queue.ts';
import { Routes } from './routes.ts';
import type { PendingMessage } from './schedule.ts';
import { Settlement, type SettleSettings } from './settle.ts';

/** What the configuration says about delivery. */
export type SchedulerSettings = NotifySettings &
  SettleSettings & {
    /** Messages under way at once. */
    readonly connections: number;
    /** The limit for each upstream. */
    readonly rate: Rate | undefined;
  };

type SchedulerParts = {
  readonly queue: Queue;
  /** In order of preference. */
  readonly carriers: readonly Carrier[];
  /** The unadjusted system clock, not a `Calendar`: ClockWatch looks for jumps of its date. */
  readonly clock: Clock;
  /** The date as it is written into messages. */
  readonly wall: () => WallTime;
  readonly random: Random;
  readonly tell: Tell;
  readonly settings: SchedulerSettings;
};

/** Delivers what is in the queue. */
export class Scheduler {
  readonly #queue: Queue;
  readonly #clock: Clock;
  readonly #tell: Tell;
  readonly #settings: SchedulerSettings;
  readonly #carriers: readonly Carrier[];
  readonly #routes: Routes;
  readonly #lanes: Lanes;
  /** Ends when the messages so far have found their lanes. */
  #sorting: Promise<void> = Promise.resolve();
  readonly #settlement: Settlement;
  readonly #clockWatch: ClockWatch;
  readonly #underWay = new Map<QueueId, { readonly message: PendingMessage; readonly done: Promise<void> }>();
  /** Cuts short what is under way. */
  readonly #cut = new AbortController();
  #isRunning = false;
  #isHeld = false;
  #cancelTimer: Cancel | undefined;

  constructor({ queue, carriers, clock, wall, random, tell, settings }: SchedulerParts) {
    this.#queue = queue;
    this.#clock = clock;
    this.#tell = tell;
    this.#settings = settings;
    this.#carriers = carriers;
    this.#routes = new Routes({ carriers, rate: settings.rate, clock, random, tell });
    this.#lanes = new Lanes(this.#routes);
    const notifier = new Notifier({ queue, wall, clock, random, tell, settings });
    this.#settlement = new Settlement({ queue, routes: this.#routes, notifier, clock, random, tell, settings });
    this.#clockWatch = new ClockWatch(clock, () => {
      this.#routes.tryNow('clock');
      this.#tick();
    });
  }

  /** Whether deliveries are held by hand. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Takes a message that is in the spool; it is due at once. */
  offer(message: QueuedMessage): void {
    const pending = { ...message, trouble: undefined, problem: undefined };
    // One after the other: a start with a full spool must not read all envelopes at once.
    if (this.#carriers.some(({ senders }) => senders !== undefined)) this.#sorting = this.#sorting.then(() => this.#sort(pending));
    else this.#offerNow(pending);
  }

  /** Finds the upstreams that take the message's sender. */
  async #sort(message: PendingMessage): Promise<void> {
    try {
      const { reversePath, givenSender } = await this.#queue.envelope(message.id);
      const carriers = upstreamsFor(this.#carriers, givenSender ?? reversePath);
      // None, since the configuration has changed: any of them is better than to wait for ever.
      this.#offerNow(carriers.length === 0 ? message : { ...message, carriers });
    } catch {
      this.#offerNow(message); // its delivery meets the same failure, and reports it
    }
  }

  #offerNow(message: PendingMessage): void {
    this.#lanes.offer(message, this.#clock.now());
    this.#tick();
  }

  /** Starts delivering. */
  start(): void {
    this.#isRunning = true;
    this.#tick();
  }

  /** The upstreams in order of preference. */
  status(): readonly UpstreamStatus[] {
    return this.#routes.status();
  }

  /** The messages that wait: those under way first, then those that are due, then the others. */
  *list(): IterableIterator<WaitingMessage> {
    const now = this.#clock.now();
    for (const { message } of this.#underWay.values()) yield describe(message, 'sending', { now, obstacle: undefined });
    for (const { message, at } of this.#lanes.list()) {
      const obstacle = this.#isHeld ? 'the queue is held by hand' : this.#routes.obstacle(now, message.carriers);
      yield describe(message, at, { now, obstacle });
    }
  }

  /** The message with this id, if it waits. */
  find(id: QueueId): WaitingMessage | undefined {
    for (const one of this.list()) if (one.id === id) return one;
    return undefined;
  }

  /** Makes everything due, for a device that asks (ETRN); an upstream that is down or slowed stays so. */
  hurry(): void {
    this.#lanes.hurry();
    this.#tick();
  }

  /** Tries everything now, or the messages with these ids, on all upstreams: what the owner asks for. */
  runNow(ids?: ReadonlySet<QueueId>): void {
    this.#lanes.hurry(ids);
    this.#routes.tryNow('all');
    this.#tick();
  }

  /**
   * Gives messages up without notifying their senders, but for those under way just now. One result for each id, in
   * order.
   */
  drop(ids: readonly QueueId[]): readonly Dropped[] {
    const removed = this.#lanes.remove(new Set(ids.filter((id) => !this.#underWay.has(id))));
    for (const id of removed) {
      this.#queue.remove(id);
      this.#tell('dropped', { id });
    }
    return ids.map((id) => ({ id, result: removed.has(id) ? 'dropped' : this.#underWay.has(id) ? 'sending' : 'unknown' }));
  }

  /** Begins no delivery until `release`; what is under way ends by itself. Not kept over a restart. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#tell('held');
    this.#tick();
  }

  /** Ends `hold`. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#tell('released');
    this.#tick();
  }

  /**
   * Stops; deliveries under way get `grace` ms to end by themselves, and are then cut short. Resolves when none is
   * left.
   */
  async stop(grace: number): Promise<void> {
    this.#isRunning = false;
    this.#cancelTimer?.();
    this.#clockWatch.stop();
    await this.#sorting;
    const cancelGrace = this.#clock.after(grace, () => this.#cut.abort());
    while (this.#underWay.size > 0) await Promise.all([...this.#underWay.values()].map(({ done }) => done));
    cancelGrace();
  }

  /** Sends what can be sent now, and sets the timer for the rest. */
  #tick(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#isRunning || this.#isHeld) return;
    this.#sendDue();
    if (this.#routes.waitsForClock) this.#clockWatch.start();
    else this.#clockWatch.stop();
    // Without an opening a probe is under way: its end calls `#tick`.
    const wakeAt = this.#lanes.wakeAt(this.#clock.now());
    if (wakeAt !== undefined && this.#hasRoom()) this.#cancelTimer = this.#clock.after(wakeAt - this.#clock.now(), () => this.#tick());
  }

  #sendDue(): void {
    const now = this.#clock.now();
    while (this.#hasRoom()) {
      const next = this.#lanes.take(now);
      if (next === undefined) return;
      const { message, carrier } = next;
      const done = this.#deliver(message, carrier).finally(() => {
        this.#underWay.delete(message.id);
        this.#tick();
      });
      this.#underWay.set(message.id, { message, done });
    }
  }

  #hasRoom(): boolean {
    return this.#underWay.size < this.#settings.connections;
  }

  async #deliver(message: PendingMessage, carrier: Carrier): Promise<void> {
    const { id, octets } = message;
    try {
      const envelope = await this.#queue.envelope(id);
      const held = this.#settlement.heldUntil({ message, envelope, carrier });
      if (held !== undefined) {
        this.#routes.endedHere(carrier);
        return this.#lanes.offer(held.message, held.at);
      }
      const attempt = await carrier.send({ envelope, octets, body: () => this.#queue.body(id) }, this.#cut.signal);
      if (this.#cut.signal.aborted && attempt.result === 'no-answer') return; // stopping: the spool still has it
      const again = await this.#settlement.settle({ message, envelope, carrier }, attempt);
      if (again !== 'gone') this.#lanes.offer(again.message, again.at);
    } catch (error) {
      // The spool could not give the message, or there is a mistake in the relay. It stays, and is tried again much
      // later.
      this.#tell('fault', { where: `delivery of ${id}`, error });
      this.#routes.endedHere(carrier);
      this.#lanes.offer(message, later(this.#clock.now(), this.#settings.retry.max));
    }
  }
}

type Circumstances = { readonly now: Monotonic; readonly obstacle: string | undefined };

/** The message for people; `at`: when it is due, `obstacle`: what it then waits for. */
function describe(message: PendingMessage, at: Monotonic | 'due' | 'sending', { now, obstacle }: Circumstances): WaitingMessage {
  const { id, octets, device, attempts, arrived } = message;
  const isDue = at === 'due' || (at !== 'sending' && at <= now);
  const problem = (isDue ? obstacle : undefined) ?? message.problem;
  return {
    id,
    octets,
    device,
    attempts,
    ageSeconds: Math.round((now - arrived) / 1000),
    ...(at === 'sending'
      ? { state: 'sending' }
      : isDue
        ? { state: 'due' }
        : { state: 'deferred', retryInSeconds: Math.round((at - now) / 1000) }),
    ...(problem === undefined ? {} : { problem }),
  };
}
