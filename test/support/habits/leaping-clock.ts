// A clock for a relay with real sockets and files: time stands still while anything happens in this
// process, and leaps to the next timer when nothing does. Days pass in moments, and no timeout strikes
// because the machine is busy.

import type { Cancel, Clock, Monotonic, WallTime } from '../../../src/system/clock.ts';
import { START_OF_TIME } from '../fakes/clock.ts';

/** What the event loop names as work that is under way; sockets that only listen or wait are none. */
const WORK = new Set(['FSReqPromise', 'FSReqCallback', 'CloseReq', 'PipeConnectWrap', 'WriteWrap', 'ShutdownWrap', 'GetAddrInfoReqWrap']);
const CONNECTING = 'TCPConnectWrap';
// Milliseconds. Loopback answers at once; an address that does not answer in this time will not, until a timer says so.
const LONGEST_CONNECT = 50;

// So many rounds of the event loop without work, and nothing comes any more: over loopback what one side has
// written can be read by the other in the next round.
const QUIET_ROUNDS = 30;

async function quiet(): Promise<void> {
  const started = performance.now();
  const isWork = (name: string) => WORK.has(name) || (name === CONNECTING && performance.now() - started < LONGEST_CONNECT);
  for (let round = 0; round < QUIET_ROUNDS; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (process.getActiveResourcesInfo().some(isWork)) round = 0;
  }
}

export class LeapingClock implements Clock {
  #now = 1_000;
  #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): Monotonic {
    return this.#now as Monotonic;
  }

  wall(): WallTime {
    return (START_OF_TIME + this.#now) as WallTime;
  }

  after(milliseconds: number, run: () => void): Cancel {
    const timer = { at: this.#now + Math.max(0, milliseconds), run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Lives through all that falls due until then, a time as `now` gives it. */
  async until(end: number): Promise<void> {
    for (;;) {
      await quiet();
      if (!this.#leap(end)) break;
    }
    this.#now = Math.max(this.#now, end);
    await quiet();
  }

  /** Lets time pass until the work is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const mark = () => {
      isDone = true;
    };
    work.then(mark, mark);
    for (;;) {
      await quiet();
      if (isDone) return work;
      this.#leap(Number.POSITIVE_INFINITY);
    }
  }

  /** Runs the next timer, if it falls due by then. */
  #leap(end: number): boolean {
    let next: { readonly at: number; readonly run: () => void } | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.run();
    return true;
  }
}
