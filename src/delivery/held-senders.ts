// Senders that an upstream does not take mail of. Their messages wait, one of them tries again now and then, and no
// other message waits behind them.

import type { Mailbox } from '../smtp/address.ts';
import { formatPath } from '../smtp/address.ts';
import { later, type Monotonic } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { backOff, type Range } from './backoff.ts';

type Held = { readonly until: Monotonic; readonly failures: number; readonly problem: string };

// A device may name any sender; the one that was refused first is forgotten.
const MOST_SENDERS = 500;

/** The senders that are refused just now, for each upstream. */
export class HeldSenders {
  readonly #held = new Map<string, Held>();
  readonly #random: Random;
  readonly #retry: Range;

  /** `retry`: how long a sender waits. */
  constructor(random: Random, retry: Range) {
    this.#random = random;
    this.#retry = retry;
  }

  /** The sender was refused; returns when one of its messages may be sent again. */
  refused(upstream: string, sender: Mailbox | null, problem: string, now: Monotonic): Monotonic {
    const key = keyOf(upstream, sender);
    const before = this.#held.get(key);
    // Of several messages that were under way together, the first has set the wait.
    if (before !== undefined && before.until > now) return before.until;
    const failures = (before?.failures ?? -1) + 1;
    const until = later(now, backOff(failures, this.#retry, this.#random));
    this.#held.delete(key);
    this.#held.set(key, { until, failures, problem });
    if (this.#held.size > MOST_SENDERS) for (const oldest of [...this.#held.keys()].slice(0, 1)) this.#held.delete(oldest);
    return until;
  }

  /** A message of this sender was taken. */
  taken(upstream: string, sender: Mailbox | null): void {
    this.#held.delete(keyOf(upstream, sender));
  }

  /** Until when messages of this sender wait, and why; undefined when they may go. */
  find(upstream: string, sender: Mailbox | null, now: Monotonic): { readonly until: Monotonic; readonly problem: string } | undefined {
    const held = this.#held.get(keyOf(upstream, sender));
    return held !== undefined && held.until > now ? held : undefined;
  }
}

const keyOf = (upstream: string, sender: Mailbox | null): string => `${upstream} ${formatPath(sender).toLowerCase()}`;
