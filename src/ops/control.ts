// The control socket: HTTP on a Unix socket that only the relay's user may open.
//
//   GET  /status          the status as JSON
//   GET  /queue           a JSON line a message, oldest first
//   GET  /queue/ID        one message, with its header section
//   POST /queue/retry     {"ids": [...]}, none for all; answers with the ids that are unknown
//   POST /queue/drop      {"ids": [...]}; answers with what became of each
//   POST /queue/hold, /queue/release

import { once } from 'node:events';
import { lstat, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as v from 'valibot';
import type { Dropped, ListedMessage, ShownMessage } from '../vocabulary/queued-message.ts';
import type { RelayStatus } from './status.ts';

/** What the relay lets be done from outside. */
export interface Operations {
  status(): Promise<RelayStatus>;
  list(): AsyncIterable<ListedMessage>;
  show(id: string): Promise<ShownMessage | undefined>;
  /** Tries them now; all when there are none. The ids that are unknown. */
  retry(ids: readonly string[]): readonly string[];
  drop(ids: readonly string[]): readonly Dropped[];
  hold(): void;
  release(): void;
}

export interface ControlServer {
  close(): Promise<void>;
}

/** Serves `operations`. A socket that can't be made costs the commands, not the relay: `fault` is told. */
export async function serveControl(path: string, operations: Operations, fault: (error: unknown) => void): Promise<ControlServer> {
  // The spool's lock is ours by now, so a socket that lies there is a dead relay's; anything else was named by mistake.
  await removeSocket(path).catch(fault);
  const server = createServer((incoming, response) => {
    answer(incoming, response, operations).catch((error: unknown) => {
      const isTheirs = error instanceof v.ValiError || error instanceof SyntaxError;
      if (!isTheirs) fault(error);
      if (response.headersSent) response.destroy();
      else say(response, isTheirs ? 400 : 500, { error: (error as Error).message });
    });
  });
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => resolve());
    });
  } catch (error) {
    fault(error);
    return { close: async () => {} };
  } finally {
    process.umask(mask);
  }
  server.unref();
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function removeSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} is there already, and is no socket; it is left alone`);
  await rm(path);
}

async function answer(incoming: IncomingMessage, response: ServerResponse, operations: Operations): Promise<void> {
  const { method = '', url = '' } = incoming;
  switch (`${method} ${url}`) {
    case 'GET /status':
      return say(response, 200, await operations.status());
    case 'GET /queue':
      response.writeHead(200, { 'content-type': 'application/jsonl' });
      for await (const one of operations.list()) {
        if (response.destroyed) return;
        if (!response.write(`${JSON.stringify(one)}\n`)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      }
      response.end();
      return;
    case 'POST /queue/retry':
      return say(response, 200, operations.retry(await readIds(incoming)));
    case 'POST /queue/drop':
      return say(response, 200, operations.drop(await readIds(incoming)));
    case 'POST /queue/hold':
      return say(response, 200, operations.hold() ?? {});
    case 'POST /queue/release':
      return say(response, 200, operations.release() ?? {});
    default: {
      const id = method === 'GET' ? /^\/queue\/(\w{1,20})$/.exec(url)?.[1] : undefined;
      const shown = id === undefined ? undefined : await operations.show(id);
      return shown === undefined ? say(response, 404, { error: 'there is no such thing here' }) : say(response, 200, shown);
    }
  }
}

function say(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

const IDS = v.object({ ids: v.array(v.pipe(v.string(), v.regex(/^\w{1,20}$/))) });
const LARGEST_REQUEST = 2 ** 20;

async function readIds(incoming: IncomingMessage): Promise<readonly string[]> {
  let text = '';
  for await (const chunk of incoming) {
    text += String(chunk);
    if (text.length > LARGEST_REQUEST) throw new SyntaxError('too many ids at once');
  }
  return v.parse(IDS, JSON.parse(text)).ids;
}
