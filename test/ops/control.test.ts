// Both ends of the control socket, with operations that only note what they were asked.

import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ask } from '../../src/ops/control/client.ts';
import { findRequest, type Operations, REQUESTS } from '../../src/ops/control/requests.ts';
import { type ControlServer, serveControl } from '../../src/ops/control/server.ts';
import { formatQueueId } from '../../src/vocabulary/queue-id.ts';
import type { ListedMessage } from '../../src/vocabulary/queued-message.ts';
import { temporaryFolder } from '../support/folders.ts';

const [waiting, gone] = [formatQueueId(33), formatQueueId(34)];
const message: ListedMessage = {
  id: waiting,
  octets: 5,
  device: 'x',
  ageSeconds: 1,
  attempts: 0,
  state: 'due',
  from: '<>',
  to: ['you@example.org'],
};

const servers: ControlServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(more: Partial<Operations> = {}) {
  const socket = join(temporaryFolder(), 'control.sock');
  const asked: unknown[] = [];
  const faults: unknown[] = [];
  const operations: Operations = {
    status: () => Promise.reject(new Error('the card is gone')),
    async *list() {
      for (let count = 0; count < 3; count++) yield message;
    },
    show: ({ id }) => (id === waiting ? { ...message, header: 'Subject: x\r\n' } : undefined),
    retry({ ids }) {
      asked.push({ retry: ids });
      return ids.filter((id) => id !== waiting);
    },
    drop: ({ ids }) => ids.map((id) => ({ id, result: 'dropped' })),
    hold() {
      asked.push('hold');
      return {};
    },
    release: () => ({}),
    ...more,
  };
  servers.push(await serveControl(socket, operations, (error) => faults.push(error)));
  return { socket, asked, faults };
}

/** A request as another client may send it; the code and the body of the answer. */
function raw(socket: string, method: string, path: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath: socket, method, path }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve(`${response.statusCode} ${text.trim()}`));
    })
      .on('error', reject)
      .end(body);
  });
}

test('each request reaches its operation, and its answer comes back', async () => {
  const { socket, asked } = await serve();
  const listed = [];
  for await (const one of await ask(socket, 'list', {})) listed.push(one);
  expect(listed).toEqual([message, message, message]);
  expect(await ask(socket, 'show', { id: waiting })).toEqual({ ...message, header: 'Subject: x\r\n' });
  expect(await ask(socket, 'show', { id: gone })).toBeUndefined();
  expect(await ask(socket, 'retry', { ids: [waiting, gone] })).toEqual([gone]);
  expect(await ask(socket, 'retry', { ids: [] })).toEqual([]);
  expect(await ask(socket, 'drop', { ids: [gone] })).toEqual([{ id: gone, result: 'dropped' }]);
  expect(await ask(socket, 'hold', {})).toEqual({});
  expect(asked).toEqual([{ retry: [waiting, gone] }, { retry: [] }, 'hold']);
});

test('an operation that fails is a fault of the relay, and the command is told why', async () => {
  const { socket, faults } = await serve();
  await expect(ask(socket, 'status', {})).rejects.toThrow('the relay answered 500: {"error":"the card is gone"}');
  expect(faults).toHaveLength(1);
});

test('what is no request, or has no ids, is refused and is no fault', async () => {
  const { socket, faults, asked } = await serve();
  expect(await raw(socket, 'GET', '/frob')).toBe('404 {"error":"there is no such thing here"}');
  expect(await raw(socket, 'GET', '/queue/..%2fstatus')).toMatch(/^404 /);
  expect(await raw(socket, 'DELETE', '/queue')).toMatch(/^404 /);
  for (const body of ['', '{', '{"ids":"x"}', '{"ids":["nonsense"]}', '{"ids":[7]}'])
    expect(await raw(socket, 'POST', '/queue/retry', body)).toMatch(/^400 \{"error":/);
  expect(await raw(socket, 'POST', '/queue/retry', `{"ids":["${waiting.toLowerCase()}"]}`)).toBe('200 []');
  expect(asked).toEqual([{ retry: [waiting] }]);
  expect(faults).toEqual([]);
});

test('no relay: the error has a code', async () => {
  await expect(ask('/nonexistent/socket', 'hold', {})).rejects.toMatchObject({ code: 'ENOENT' });
});

test('every row is found by its method and path', () => {
  for (const [name, { method, path }] of Object.entries(REQUESTS))
    expect(findRequest(method, path.replace(':id', waiting))).toEqual({ name, id: path.includes(':id') ? waiting : undefined });
});
