// What is due, and what comes next. No time of its own and no I/O: a heap of those that wait, and a
// queue a device of those that are due, taken in turn, so that one camera's flood does not starve the
// smoke detector.

import type { Monotonic } from '../system/clock.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { QueuedMessage } from '../vocabulary/queued-message.ts';

export interface Schedule {
  /** The entry is due at `at`. */
  offer(entry: QueuedMessage, at: Monotonic): void;
  /** The next entry that is due, devices taking turns; it is the caller's then. */
  take(now: Monotonic): QueuedMessage | undefined;
  hasDue(now: Monotonic): boolean;
  /** When something is due next: now or earlier if something is already. */
  wakeAt(now: Monotonic): Monotonic | 'never';
  /** Makes all due, or those with these ids. */
  hurry(ids?: ReadonlySet<QueueId>): void;
  /** Takes these entries out, due or not; those that were here. */
  remove(ids: ReadonlySet<QueueId>): ReadonlySet<QueueId>;
  /** All, those that are due first. */
  list(): IterableIterator<Waiting>;
  readonly size: number;
}

/** `at` is `due` once it is. */
export type Waiting = { readonly entry: QueuedMessage; readonly at: Monotonic | 'due' };

type Timed = { readonly entry: QueuedMessage; readonly at: Monotonic };

export function createSchedule(): Schedule {
  let heap: Timed[] = [];
  // A Map keeps its keys in order of insertion: the first device is next, and goes to the end when served.
  const due = new Map<string, QueuedMessage[]>();
  let dueCount = 0;

  function makeDue(entry: QueuedMessage): void {
    const queue = due.get(entry.device);
    if (queue === undefined) due.set(entry.device, [entry]);
    else queue.push(entry);
    dueCount += 1;
  }

  function ripen(now: Monotonic): void {
    for (let first = heap[0]; first !== undefined && first.at <= now; first = heap[0]) {
      popHeap(heap);
      makeDue(first.entry);
    }
  }

  return {
    offer: (entry, at) => pushHeap(heap, { entry, at }),
    take(now) {
      ripen(now);
      const [next] = due;
      if (next === undefined) return undefined;
      const [device, queue] = next;
      const entry = queue.shift();
      due.delete(device);
      if (queue.length > 0) due.set(device, queue);
      dueCount -= 1;
      return entry;
    },
    hasDue: (now) => dueCount > 0 || (heap[0]?.at ?? Number.POSITIVE_INFINITY) <= now,
    wakeAt(now) {
      if (dueCount > 0) return now;
      return heap[0]?.at ?? 'never';
    },
    hurry(ids) {
      const chosen = heap.filter(({ entry }) => ids === undefined || ids.has(entry.id));
      heap = chosen.length === heap.length ? [] : heapOf(heap.filter(({ entry }) => ids?.has(entry.id) === false));
      for (const { entry } of chosen.sort((one, other) => one.at - other.at)) makeDue(entry);
    },
    remove(ids) {
      const removed = new Set<QueueId>();
      const stays = ({ id }: QueuedMessage) => {
        if (!ids.has(id)) return true;
        removed.add(id);
        return false;
      };
      const left = heap.filter(({ entry }) => stays(entry));
      if (left.length < heap.length) heap = heapOf(left);
      for (const [device, queue] of due) {
        const kept = queue.filter(stays);
        dueCount -= queue.length - kept.length;
        if (kept.length === 0) due.delete(device);
        else if (kept.length < queue.length) due.set(device, kept);
      }
      return removed;
    },
    *list() {
      for (const queue of due.values()) for (const entry of queue) yield { entry, at: 'due' };
      yield* heap;
    },
    get size() {
      return heap.length + dueCount;
    },
  };
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
