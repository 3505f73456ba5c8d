// The relay's side of the control socket: HTTP on a Unix socket that only the relay's user may open.

import { once } from 'node:events';
import { lstat, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as v from 'valibot';
import { problemOf } from '../../system/problem.ts';
import { type Answer, findRequest, JSON_LINES, type Operations, REQUESTS, type RequestName } from './requests.ts';

/** The socket as its owner sees it. */
export interface ControlServer {
  /** Closes the socket and all connections. */
  close(): Promise<void>;
}

/**
 * Serves `operations` on the socket `path`. Never rejects: without the socket the relay works, so `fault` gets the
 * error.
 */
export async function serveControl(path: string, operations: Operations, fault: (error: unknown) => void): Promise<ControlServer> {
  // The spool's lock is held by now, so a socket in this place belongs to a dead relay. Anything else was named by
  // mistake.
  await removeSocket(path).catch(fault);
  const server = createServer((incoming, response) => {
    answer(incoming, response, operations).catch((error: unknown) => {
      const isTheirs = error instanceof v.ValiError || error instanceof SyntaxError;
      if (!isTheirs) fault(error);
      if (response.headersSent) response.destroy();
      else respond(response, isTheirs ? 400 : 500, { error: problemOf(error) });
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
  const found = findRequest(method, url);
  const input = found?.id === undefined ? await readBody(incoming) : { id: found.id };
  const result = found && (await perform(operations, found.name, input));
  if (result === undefined) return respond(response, 404, { error: 'there is no such thing here' });
  if (isStream(result)) return stream(response, result);
  return respond(response, 200, result);
}

async function perform<N extends RequestName>(operations: Operations, name: N, input: unknown): Promise<Answer<N>> {
  return operations[name](v.parse(REQUESTS[name].given, input));
}

const isStream = (result: object): result is AsyncIterable<unknown> => Symbol.asyncIterator in result;

async function stream(response: ServerResponse, items: AsyncIterable<unknown>): Promise<void> {
  response.writeHead(200, { 'content-type': JSON_LINES });
  for await (const item of items) {
    if (response.destroyed) return;
    if (!response.write(`${JSON.stringify(item)}\n`)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end();
}

function respond(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

const LARGEST_REQUEST = 2 ** 20;

/** The body as JSON; an empty object when there is none. */
async function readBody(incoming: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of incoming) {
    text += String(chunk);
    if (text.length > LARGEST_REQUEST) throw new SyntaxError('too many ids at once');
  }
  return text === '' ? {} : JSON.parse(text);
}
