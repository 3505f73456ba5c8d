// The commands' side of the control socket. All reject with Node's error when no relay answers.

import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import type { Dropped, ListedMessage, ShownMessage } from '../vocabulary/queued-message.ts';
import type { RelayStatus } from './status.ts';

/** The relay understood, and said no. */
export class ControlRefused extends Error {
  override readonly name = 'Refused';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export const askStatus = (socket: string): Promise<RelayStatus> => ask<RelayStatus>(socket, 'GET', '/status');

/** The message, or undefined when there is none of that id. */
export async function askMessage(socket: string, id: string): Promise<ShownMessage | undefined> {
  try {
    return await ask<ShownMessage>(socket, 'GET', `/queue/${encodeURIComponent(id)}`);
  } catch (error) {
    if (error instanceof ControlRefused && error.code === 404) return undefined;
    throw error;
  }
}

export async function* askQueue(socket: string): AsyncIterable<ListedMessage> {
  const response = await open(socket, 'GET', '/queue');
  for await (const line of createInterface({ input: response })) yield JSON.parse(line) as ListedMessage;
}

/** Tries these messages now, or all; the ids that are unknown. */
export const askRetry = (socket: string, ids: readonly string[]): Promise<readonly string[]> =>
  ask<readonly string[]>(socket, 'POST', '/queue/retry', { ids });

export const askDrop = (socket: string, ids: readonly string[]): Promise<readonly Dropped[]> =>
  ask<readonly Dropped[]>(socket, 'POST', '/queue/drop', { ids });

export const askHold = (socket: string): Promise<unknown> => ask(socket, 'POST', '/queue/hold');
export const askRelease = (socket: string): Promise<unknown> => ask(socket, 'POST', '/queue/release');

function open(socket: string, method: string, path: string, body?: unknown): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ socketPath: socket, path, method }, resolve)
      .once('error', reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function ask<T>(socket: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await open(socket, method, path, body);
  let text = '';
  for await (const chunk of response) text += String(chunk);
  const { statusCode = 0 } = response;
  if (statusCode !== 200) throw new ControlRefused(statusCode, `the relay answered ${statusCode}: ${text.trim()}`);
  return JSON.parse(text) as T;
}
