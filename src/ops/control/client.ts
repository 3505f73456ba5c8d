// The commands' side of the control socket.

import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { type Answer, type Given, JSON_LINES, REQUESTS, type RequestName } from './requests.ts';

/**
 * Asks the relay that listens on `socket`. Rejects with Node's error (ENOENT, ECONNREFUSED) when no relay answers, and
 * with the relay's words when it refuses.
 */
export async function ask<N extends RequestName>(socket: string, name: N, given: Given<N>): Promise<Answer<N>> {
  const { method, path } = REQUESTS[name];
  const hasId = 'id' in given && path.endsWith(':id');
  const response = await send(socket, method, hasId ? path.replace(/:id$/, encodeURIComponent(String(given.id))) : path, given);
  if (response.statusCode === 404 && hasId) {
    response.resume();
    return undefined as Answer<N>;
  }
  if (response.statusCode !== 200) throw new Error(`the relay answered ${response.statusCode}: ${(await textOf(response)).trim()}`);
  if (response.headers['content-type'] === JSON_LINES) return linesOf(response) as Answer<N>;
  return JSON.parse(await textOf(response));
}

function send(socket: string, method: string, path: string, given: unknown): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ socketPath: socket, path, method }, resolve)
      .once('error', reject)
      .end(method === 'POST' ? JSON.stringify(given) : undefined);
  });
}

async function* linesOf(response: IncomingMessage): AsyncIterable<unknown> {
  for await (const line of createInterface({ input: response })) yield JSON.parse(line);
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}
