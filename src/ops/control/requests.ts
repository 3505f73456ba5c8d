// What may be asked of the running relay over its control socket, shared by server and client. A new request is an
// entry of `Exchanges`, a row of `REQUESTS` and its operation (relay/operations.ts). Over HTTP (`curl --unix-socket`)
// an answer is JSON, or a line of JSON for each item where it is a stream.

import * as v from 'valibot';
import { parseQueueId, type QueueId } from '../../vocabulary/queue-id.ts';
import type { Dropped, ListedMessage, ShownMessage } from '../../vocabulary/queued-message.ts';
import type { RelayStatus } from '../status.ts';

type Nothing = Record<never, never>;
type Ids = { readonly ids: readonly QueueId[] };

/** For each request what it is given and what it is answered with; undefined when there is no message with that id. */
type Exchanges = {
  readonly status: { readonly given: Nothing; readonly answer: RelayStatus };
  /** What waits, oldest first. */
  readonly list: { readonly given: Nothing; readonly answer: AsyncIterable<ListedMessage> };
  readonly show: { readonly given: { readonly id: QueueId }; readonly answer: ShownMessage | undefined };
  /** Tries these messages now, or all that wait when there are no ids; answers with the ids that do not wait. */
  readonly retry: { readonly given: Ids; readonly answer: readonly QueueId[] };
  /** Gives messages up; answers with what became of each. */
  readonly drop: { readonly given: Ids; readonly answer: readonly Dropped[] };
  /** Begins no delivery until `release`, or until the relay is started again. */
  readonly hold: { readonly given: Nothing; readonly answer: Nothing };
  readonly release: { readonly given: Nothing; readonly answer: Nothing };
};

/** The name of a request. */
export type RequestName = keyof Exchanges;
/** What a request is given: in the body, and where its path has `:id` there. */
export type Given<N extends RequestName> = Exchanges[N]['given'];
/** What a request is answered with. */
export type Answer<N extends RequestName> = Exchanges[N]['answer'];

/** What the relay does at each request. */
export type Operations = { readonly [N in RequestName]: (given: Given<N>) => Answer<N> | Promise<Answer<N>> };

type Row<N extends RequestName> = {
  readonly method: 'GET' | 'POST';
  /** `:id` stands for a queue id. */
  readonly path: string;
  readonly given: v.GenericSchema<unknown, Given<N>>;
};

const nothing = v.object({});
const queueId = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const id = parseQueueId(dataset.value);
    if (id !== undefined) return id;
    addIssue({ message: `${JSON.stringify(dataset.value)} is no queue id` });
    return NEVER;
  }),
);
const ids = v.object({ ids: v.array(queueId) });

/** How each request is sent. */
export const REQUESTS: { readonly [N in RequestName]: Row<N> } = {
  status: { method: 'GET', path: '/status', given: nothing },
  list: { method: 'GET', path: '/queue', given: nothing },
  show: { method: 'GET', path: '/queue/:id', given: v.object({ id: queueId }) },
  retry: { method: 'POST', path: '/queue/retry', given: ids },
  drop: { method: 'POST', path: '/queue/drop', given: ids },
  hold: { method: 'POST', path: '/queue/hold', given: nothing },
  release: { method: 'POST', path: '/queue/release', given: nothing },
};

/** The content type of an answer that is a stream. */
export const JSON_LINES = 'application/jsonl';

/** The request of a method and a path, with the id that stands in the path; undefined when there is none. */
export function findRequest(method: string, path: string): { readonly name: RequestName; readonly id: QueueId | undefined } | undefined {
  for (const name of Object.keys(REQUESTS) as RequestName[]) {
    const row = REQUESTS[name];
    if (row.method !== method) continue;
    if (row.path === path) return { name, id: undefined };
    const prefix = row.path.replace(/:id$/, '');
    const id = row.path.endsWith(':id') && path.startsWith(prefix) ? parseQueueId(path.slice(prefix.length)) : undefined;
    if (id !== undefined) return { name, id };
  }
  return undefined;
}
