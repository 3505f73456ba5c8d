// The control socket: HTTP on a Unix socket that only the relay's user may open. Server and client.

import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { Status } from './status.ts';

export interface ControlServer {
  close(): Promise<void>;
}

/** Serves `GET /status`. A socket that can't be made costs the commands, not the relay: `fault` is told. */
export async function serveControl(path: string, status: () => Promise<Status>, fault: (error: unknown) => void): Promise<ControlServer> {
  // The spool's lock is ours by now, so a socket that lies there is a dead relay's.
  await rm(path, { force: true }).catch(fault);
  const server = createServer((incoming, response) => {
    const answer = (code: number, body: unknown) =>
      response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    if (incoming.method !== 'GET' || incoming.url !== '/status') return answer(404, { error: 'there is no such thing here' });
    status().then(
      (snapshot) => answer(200, snapshot),
      (error: unknown) => {
        fault(error);
        answer(500, { error: (error as Error).message });
      },
    );
    return undefined;
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

/** The running relay's status; rejects with Node's error when none answers. */
export async function askStatus(path: string): Promise<Status> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath: path, path: '/status' }, resolve).once('error', reject).end();
  });
  let body = '';
  for await (const chunk of response) body += String(chunk);
  if (response.statusCode !== 200) throw new Error(`the relay answered ${response.statusCode}: ${body.trim()}`);
  return JSON.parse(body) as Status;
}
