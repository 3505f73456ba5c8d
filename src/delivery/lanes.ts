// The messages that wait, apart by the upstreams that take their senders: those whose upstream is down must not stand
// before those whose upstream is up. Where no upstream names senders there is one lane. No timer of its own.

import type { Monotonic } from '../system/clock.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { Carrier } from './queue.ts';
import type { Routes } from './routes.ts';
import { type PendingMessage, Schedule, type Scheduled } from './schedule.ts';

/** `carriers`: the only ones that its messages may go to; undefined for all. */
type Lane = { readonly carriers: readonly Carrier[] | undefined; readonly schedule: Schedule };

/** A message that is due, and the upstream that it is to be sent to. */
type Departure = { readonly message: PendingMessage; readonly carrier: Carrier };

/** All messages that wait, but for those that are being sent. */
export class Lanes {
  readonly #routes: Routes;
  // A Map keeps its keys in order of insertion: a lane that was served goes to the end.
  readonly #lanes = new Map<string, Lane>();

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  /** Takes the message, which is due at `at`, behind those of its device that are due already. */
  offer(message: PendingMessage, at: Monotonic): void {
    const key = message.carriers?.map(({ name }) => name).join(' ') ?? '';
    const lane = this.#lanes.get(key) ?? { carriers: message.carriers, schedule: new Schedule() };
    this.#lanes.set(key, lane);
    lane.schedule.offer(message, at);
  }

  /** The next message that is due and can be sent, lanes and devices taking turns; it leaves the lane. */
  take(now: Monotonic): Departure | undefined {
    for (const [key, lane] of this.#lanes) {
      if (!lane.schedule.hasDue(now)) continue;
      const carrier = this.#routes.take(now, lane.carriers);
      const message = carrier && lane.schedule.take(now);
      if (carrier === undefined || message === undefined) continue;
      this.#lanes.delete(key);
      this.#lanes.set(key, lane);
      return { message, carrier };
    }
    return undefined;
  }

  /** When `take` will give one; undefined while nothing waits, or all depends on the end of a probe. */
  wakeAt(now: Monotonic): number | undefined {
    const all = [...this.#lanes.values()].flatMap(({ carriers, schedule }) => {
      const due = schedule.wakeAt(now);
      const opens = this.#routes.opensAt(now, carriers);
      return due === 'never' || opens === undefined ? [] : [Math.max(due, opens)];
    });
    return all.length === 0 ? undefined : Math.min(...all);
  }

  /** Makes all due, or those with these ids. */
  hurry(ids?: ReadonlySet<QueueId>): void {
    for (const { schedule } of this.#lanes.values()) schedule.hurry(ids);
  }

  /** Takes the messages with these ids out, due or not; the ids of those that were here. */
  remove(ids: ReadonlySet<QueueId>): ReadonlySet<QueueId> {
    return new Set([...this.#lanes.values()].flatMap(({ schedule }) => [...schedule.remove(ids)]));
  }

  /** All, those that are due first in each lane. */
  *list(): IterableIterator<Scheduled> {
    for (const { schedule } of this.#lanes.values()) yield* schedule.list();
  }
}
