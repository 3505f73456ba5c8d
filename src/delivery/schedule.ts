// What is due, and what comes next. No time of its own and no I/O: a heap of those that wait, and a
// queue a device of those that are due, taken in turn, so that one camera's flood does not starve the
// smoke detector.

import type { Monotonic } from '../system/clock.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { QueuedMessage } from '../vocabulary/queued-message.ts';
import type { Trouble } from './evidence.ts';
import type { Carrier } from './queue.ts';

/** A message in delivery, with what is known of it until the relay stops. */
export type PendingMessage = QueuedMessage & {
  /** Attempts that may be its own fault; undefined after one that was not. */
  readonly trouble: Trouble | undefined;
  /** How its last attempt ended, on one line; undefined before the first. */
  readonly problem: string | undefined;
  /** The only upstreams that it may go to, because of its sender; absent for all. */
  readonly carriers?: readonly Carrier[];
};

/** `at` is `due` once it is. */
export type Scheduled = { readonly message: PendingMessage; readonly at: Monotonic | 'due' };

type Timed = { readonly message: PendingMessage; readonly at: Monotonic };

/** The messages that wait, but for those that are being sent. */
export class Schedule {
  #heap: Timed[] = [];
  // A Map keeps its keys in order of insertion: the first device is next, and goes to the end when served.
  readonly #due = new Map<string, PendingMessage[]>();
  #dueCount = 0;

  /** Takes the message, which is due at `at`, behind those of its device that are due already. */
  offer(message: PendingMessage, at: Monotonic): void {
    pushHeap(this.#heap, { message, at });
  }

  /** The next message that is due, devices taking turns; it leaves the schedule. */
  take(now: Monotonic): PendingMessage | undefined {
    this.#ripen(now);
    const [next] = this.#due;
    if (next === undefined) return undefined;
    const [device, queue] = next;
    const message = queue.shift();
    this.#due.delete(device);
    if (queue.length > 0) this.#due.set(device, queue);
    this.#dueCount -= 1;
    return message;
  }

  /** Whether `take` would give one. */
  hasDue(now: Monotonic): boolean {
    return this.#dueCount > 0 || (this.#heap[0]?.at ?? Number.POSITIVE_INFINITY) <= now;
  }

  /** When something is due next: now or earlier if something is already. */
  wakeAt(now: Monotonic): Monotonic | 'never' {
    if (this.#dueCount > 0) return now;
    return this.#heap[0]?.at ?? 'never';
  }

  /** Makes all due, or those with these ids. */
  hurry(ids?: ReadonlySet<QueueId>): void {
    const isChosen = ({ message }: Timed) => ids === undefined || ids.has(message.id);
    const chosen = this.#heap.filter(isChosen);
    this.#heap = heapOf(this.#heap.filter((one) => !isChosen(one)));
    for (const { message } of chosen.sort((one, other) => one.at - other.at)) this.#makeDue(message);
  }

  /** Takes the messages with these ids out, due or not; the ids of those that were here. */
  remove(ids: ReadonlySet<QueueId>): ReadonlySet<QueueId> {
    const removed = new Set<QueueId>();
    const stays = ({ id }: PendingMessage) => {
      if (!ids.has(id)) return true;
      removed.add(id);
      return false;
    };
    const left = this.#heap.filter(({ message }) => stays(message));
    if (left.length < this.#heap.length) this.#heap = heapOf(left);
    for (const [device, queue] of this.#due) {
      const kept = queue.filter(stays);
      this.#dueCount -= queue.length - kept.length;
      if (kept.length === 0) this.#due.delete(device);
      else if (kept.length < queue.length) this.#due.set(device, kept);
    }
    return removed;
  }

  /** All, those that are due first. */
  *list(): IterableIterator<Scheduled> {
    for (const queue of this.#due.values()) for (const message of queue) yield { message, at: 'due' };
    yield* this.#heap;
  }

  #ripen(now: Monotonic): void {
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      popHeap(this.#heap);
      this.#makeDue(first.message);
    }
  }

  #makeDue(message: PendingMessage): void {
    const queue = this.#due.get(message.device);
    if (queue === undefined) this.#due.set(message.device, [message]);
    else queue.push(message);
    this.#dueCount += 1;
  }
}

function heapOf(items: readonly Timed[]): Timed[] {
  const heap: Timed[] = [];
  for (const item of items) pushHeap(heap, item);
  return heap;
}

function pushHeap(heap: Timed[], item: Timed): void {
  heap.push(item);
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || above.at <= item.at) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = item;
}

function popHeap(heap: Timed[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    const left = heap[child];
    const right = heap[child + 1];
    if (left === undefined) break;
    if (right !== undefined && right.at < left.at) child += 1;
    const smaller = heap[child] ?? left;
    if (smaller.at >= last.at) break;
    heap[at] = smaller;
    at = child;
  }
  heap[at] = last;
}
