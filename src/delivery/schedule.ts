// What is due, and what comes next. No time of its own and no I/O: a heap of those that wait, and a
// queue a device of those that are due, taken in turn, so that one camera's flood does not starve the
// smoke detector.

import type { Monotonic } from '../system/clock.ts';
import type { QueueEntry } from './queue.ts';

export interface Schedule {
  /** The entry is due at `at`. */
  offer(entry: QueueEntry, at: Monotonic): void;
  /** The next entry that is due, devices taking turns; it is the caller's then. */
  take(now: Monotonic): QueueEntry | undefined;
  /** When something is due next: now or earlier if something is already. */
  wakeAt(now: Monotonic): Monotonic | 'never';
  /** Makes all due. */
  hurry(): void;
  readonly size: number;
}

type Waiting = { readonly entry: QueueEntry; readonly at: Monotonic };

export function createSchedule(): Schedule {
  const heap: Waiting[] = [];
  // A Map keeps its keys in order of insertion: the first device is next, and goes to the end when served.
  const due = new Map<string, QueueEntry[]>();
  let dueCount = 0;

  function makeDue(entry: QueueEntry): void {
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
    wakeAt(now) {
      if (dueCount > 0) return now;
      return heap[0]?.at ?? 'never';
    },
    hurry() {
      for (const { entry } of heap.splice(0).sort((one, other) => one.at - other.at)) makeDue(entry);
    },
    get size() {
      return heap.length + dueCount;
    },
  };
}

function pushHeap(heap: Waiting[], item: Waiting): void {
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

function popHeap(heap: Waiting[]): void {
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
