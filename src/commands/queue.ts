// `gatepost queue [list [--json] | show ID [--json] | retry [ID...] | drop ID... | hold | release]`

import { parseArgs } from 'node:util';
import { askDrop, askHold, askMessage, askQueue, askRelease, askRetry } from '../ops/control-client.ts';
import { formatQueued, formatShown } from '../ops/queue.ts';
import { withRelay } from './environment.ts';
import { EXIT } from './exit.ts';
import { print, printJson } from './print.ts';

export async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args: [...argv], options: { json: { type: 'boolean' } }, allowPositionals: true });
  const [verb = 'list', ...given] = positionals;
  const ids = given.map((id) => id.toUpperCase());
  const isJson = values.json === true;
  const isUsable = USES[verb]?.(ids.length) === true;
  if (!isUsable) {
    process.stderr.write('gatepost: usage: gatepost queue [list | show ID | retry [ID...] | drop ID... | hold | release]\n');
    process.exitCode = EXIT.usage;
    return;
  }
  await withRelay(async (socket) => {
    switch (verb) {
      case 'list':
        return list(socket, isJson);
      case 'show':
        return show(socket, ids[0] ?? '', isJson);
      case 'retry':
        return retry(socket, ids);
      case 'drop':
        return drop(socket, ids);
      case 'hold':
        await askHold(socket);
        return print('no delivery begins until "gatepost queue release", or until the relay is started again; devices go on sending');
      default:
        await askRelease(socket);
        return print('deliveries go on');
    }
  });
}

/** How many ids each verb takes. */
const USES: Readonly<Record<string, (count: number) => boolean>> = {
  list: (count) => count === 0,
  show: (count) => count === 1,
  retry: () => true,
  drop: (count) => count > 0,
  hold: (count) => count === 0,
  release: (count) => count === 0,
};

async function list(socket: string, isJson: boolean): Promise<void> {
  let count = 0;
  for await (const one of askQueue(socket)) {
    count += 1;
    if (isJson) printJson(one);
    else print(...formatQueued(one));
  }
  if (!isJson) print(count === 0 ? 'nothing waits' : `${count} ${count === 1 ? 'message waits' : 'messages wait'}`);
}

async function show(socket: string, id: string, isJson: boolean): Promise<void> {
  const shown = await askMessage(socket, id);
  if (shown === undefined) return complain(id);
  if (isJson) printJson(shown);
  else print(...formatShown(shown));
}

async function retry(socket: string, ids: readonly string[]): Promise<void> {
  const unknown = await askRetry(socket, ids);
  for (const id of unknown) complain(id);
  if (ids.length === 0) print('all that waits is tried now');
  else if (unknown.length < ids.length) print(`tried now: ${ids.filter((id) => !unknown.includes(id)).join(' ')}`);
}

async function drop(socket: string, ids: readonly string[]): Promise<void> {
  for (const { id, result } of await askDrop(socket, ids)) {
    if (result === 'dropped') print(`dropped ${id}; nobody is told`);
    else complain(id, result === 'sending' ? 'it is on its way just now; try again, or "gatepost queue hold" first' : undefined);
  }
}

function complain(id: string, problem = 'no such message waits'): void {
  process.stderr.write(`gatepost: ${id}: ${problem}\n`);
  process.exitCode = EXIT.noInput;
}
