// `gatepost queue`: what waits, and what may be done with it. The verbs and how many ids each takes are in
// queue-verbs.ts.

import { parseArgs } from 'node:util';
import { ask } from '../ops/control/client.ts';
import { formatQueued, formatShown } from '../ops/queue.ts';
import { parseQueueId, type QueueId } from '../vocabulary/queue-id.ts';
import { withRelay } from './environment.ts';
import { EXIT } from './exit.ts';
import { wrongUse } from './help-text.ts';
import { print, printJson } from './print.ts';
import { isVerb, QUEUE_VERBS, type QueueVerb } from './queue-verbs.ts';

/** Does what the verb says; exit code 66 when a message that is named does not wait. */
export async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args: [...argv], options: { json: { type: 'boolean' } }, allowPositionals: true });
  const [verb = 'list', ...words] = positionals;
  if (!isVerb(verb) || !isCount(words.length, QUEUE_VERBS[verb].ids)) return wrongUse('queue');
  const ids = words.map((word) => parseQueueId(word) ?? complain(word.toUpperCase())).filter((id) => id !== undefined);
  if (words.length > 0 && ids.length === 0) return;
  await withRelay((socket) => ACTIONS[verb]({ socket, ids, isJson: values.json === true }));
}

function isCount(count: number, ids: 'none' | 'one' | 'some' | 'any'): boolean {
  switch (ids) {
    case 'none':
      return count === 0;
    case 'one':
      return count === 1;
    case 'some':
      return count > 0;
    case 'any':
      return true;
    default:
      return ids satisfies never;
  }
}

/** `ids`: those of the command line that can be ids at all. */
type Action = (given: { readonly socket: string; readonly ids: readonly QueueId[]; readonly isJson: boolean }) => Promise<void>;

const ACTIONS: { readonly [V in QueueVerb]: Action } = {
  async list({ socket, isJson }) {
    let count = 0;
    for await (const one of await ask(socket, 'list', {})) {
      count += 1;
      if (isJson) printJson(one);
      else print(...formatQueued(one));
    }
    if (!isJson) print(count === 0 ? 'nothing waits' : `${count} ${count === 1 ? 'message waits' : 'messages wait'}`);
  },

  async show({ socket, ids, isJson }) {
    for (const id of ids) {
      const shown = await ask(socket, 'show', { id });
      if (shown === undefined) complain(id);
      else if (isJson) printJson(shown);
      else print(...formatShown(shown));
    }
  },

  async retry({ socket, ids }) {
    const unknown = await ask(socket, 'retry', { ids });
    for (const id of unknown) complain(id);
    if (ids.length === 0) print('all that waits is tried now');
    else if (unknown.length < ids.length) print(`tried now: ${ids.filter((id) => !unknown.includes(id)).join(' ')}`);
  },

  async drop({ socket, ids }) {
    for (const { id, result } of await ask(socket, 'drop', { ids })) {
      if (result === 'dropped') print(`dropped ${id}; nobody is told`);
      else complain(id, result === 'sending' ? 'it is on its way just now; try again, or "gatepost queue hold" first' : undefined);
    }
  },

  async hold({ socket }) {
    await ask(socket, 'hold', {});
    print('no delivery begins until "gatepost queue release", or until the relay is started again; devices go on sending');
  },

  async release({ socket }) {
    await ask(socket, 'release', {});
    print('deliveries go on');
  },
};

function complain(id: string, problem = 'no such message waits'): undefined {
  process.stderr.write(`gatepost: ${id}: ${problem}\n`);
  process.exitCode = EXIT.noInput;
}
