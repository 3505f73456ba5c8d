// The verbs of `gatepost queue`: how each is used, and how many ids it takes. What each does is in queue.ts, which is
// only loaded when it is needed.

import type { Usage } from './usage.ts';

type Verb = Usage & { readonly ids: 'none' | 'one' | 'some' | 'any' };

/** A row for each verb. */
export const QUEUE_VERBS = {
  list: { words: '[list] [--json]', ids: 'none', summary: 'what waits, oldest first, with the last answer to each' },
  show: { words: 'show ID [--json]', ids: 'one', summary: 'one message, with its header section' },
  retry: { words: 'retry [ID...]', ids: 'any', summary: 'tries these messages now, or all; also over upstreams that are down' },
  drop: { words: 'drop ID...', ids: 'some', summary: 'gives these messages up; nobody is notified' },
  hold: { words: 'hold', ids: 'none', summary: 'begins no delivery until released or started again; devices go on sending' },
  release: { words: 'release', ids: 'none', summary: 'goes on delivering' },
} as const satisfies Readonly<Record<string, Verb>>;

/** The name of a verb. */
export type QueueVerb = keyof typeof QUEUE_VERBS;

/** Whether there is such a verb. */
export const isVerb = (word: string): word is QueueVerb => Object.hasOwn(QUEUE_VERBS, word);
