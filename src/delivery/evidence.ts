// What the troubles of different messages say together about one upstream. A refusal in words that nobody knows may be
// about its message or about all of them: the same one to two different messages, with nothing taken in between, is
// about the upstream; one that stays while others are taken is about its message.

import { excerpt } from '../smtp/printable.ts';
import type { Monotonic } from '../system/clock.ts';
import type { Failure } from '../vocabulary/attempt.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';

// Kinds of trouble that are remembered between two messages that are taken.
const MOST_KINDS = 50;
const LONGEST_KIND = 200;

/** The troubles with one upstream since it took a message. */
export class Evidence {
  #taken = 0;
  /** By the kind of the trouble: the message that met it, if it was one alone. */
  readonly #met = new Map<string, QueueId | 'several'>();

  /** How many messages the upstream has taken since the relay started. */
  get taken(): number {
    return this.#taken;
  }

  /** A message was taken. */
  take(): void {
    this.#taken += 1;
    this.#met.clear();
  }

  /** Notes the trouble; whether another message has met the same since one was taken. */
  isShared(id: QueueId, failure: Failure): boolean {
    const kind = kindOf(failure);
    const before = this.#met.get(kind);
    const isShared = before !== undefined && before !== id;
    if (this.#met.size < MOST_KINDS || before !== undefined) this.#met.set(kind, isShared ? 'several' : id);
    return isShared;
  }
}

/**
 * Stage, code and words, without what differs from one message to the next: addresses, and words that have digits in
 * them.
 */
function kindOf({ stage, reply, problem = '' }: Failure): string {
  const words = (reply?.lines.join(' ') ?? problem).split(' ').map((word) => (/[\d@]/.test(word) ? '#' : word.toLowerCase()));
  return excerpt(`${stage} ${reply?.code ?? 'lost'} ${words.join(' ')}`, LONGEST_KIND);
}

/** Attempts of one message that an upstream has refused, or ended the connection at, in words that say nothing. */
export type Trouble = {
  /** The upstream's name. */
  readonly upstream: string;
  readonly since: Monotonic;
  readonly attempts: number;
  /** How many messages the upstream had taken by then. */
  readonly takenBefore: number;
};

/** The trouble after one more attempt; what others shared begins anew, as nothing that this message is to blame for. */
export function moreTrouble(
  before: Trouble | undefined,
  now: { readonly upstream: string; readonly at: Monotonic; readonly taken: number; readonly isShared: boolean },
): Trouble {
  if (before === undefined || before.upstream !== now.upstream || now.isShared)
    return { upstream: now.upstream, since: now.at, attempts: 1, takenBefore: now.taken };
  return { ...before, attempts: before.attempts + 1 };
}
