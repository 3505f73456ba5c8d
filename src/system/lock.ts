// One relay a folder. Node has no flock(2); a Unix socket in the folder does as well: who can be connected to
// lives. It lies in the folder, which is the relay's alone, so that no other user can take its place, and it
// works for two containers that share the folder.

import { randomUUID } from 'node:crypto';
import { access, link, open, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';

const NAME = 'relay.lock';

/**
 * Holds the folder until the returned function is called or the process ends; `taken` when another process has
 * it. Rejects with Node's error where the folder can't be written, or takes no sockets.
 */
export async function lockFolder(path: string): Promise<(() => Promise<void>) | 'taken'> {
  const folder = await open(path, 'r');
  try {
    // By its descriptor: the path of a socket may have 107 octets, and that of the folder may have more.
    const short = `/proc/self/fd/${folder.fd}`;
    return await lockIn((await isThere(short)) ? short : path, path);
  } finally {
    await folder.close();
  }
}

async function lockIn(folder: string, path: string): Promise<(() => Promise<void>) | 'taken'> {
  const own = `${NAME}.${randomUUID()}`;
  const server = await listenOn(`${folder}/${own}`);
  server.unref();
  try {
    // Only one process can give its socket the name; whoever finds a dead one's there clears it away.
    if (!(await isNamed(folder, own)) && ((await isAlive(`${folder}/${NAME}`)) || !(await replaceDead(folder, own)))) {
      await close(server);
      return 'taken';
    }
  } finally {
    await rm(`${folder}/${own}`, { force: true });
  }
  return async () => {
    await rm(`${path}/${NAME}`, { force: true });
    await close(server);
  };
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function isNamed(folder: string, own: string): Promise<boolean> {
  try {
    await link(`${folder}/${own}`, `${folder}/${NAME}`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes the place of a dead process's socket. Another that does so at the same time may have put its own there already: what was moved away is looked at again. */
async function replaceDead(folder: string, own: string): Promise<boolean> {
  const aside = `${folder}/${own}.dead`;
  try {
    await rename(`${folder}/${NAME}`, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return isNamed(folder, own);
  }
  const wasAlive = await isAlive(aside);
  if (wasAlive) await link(aside, `${folder}/${NAME}`);
  await rm(aside, { force: true });
  return !wasAlive && isNamed(folder, own);
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT' && code !== 'ENOTSOCK'));
  });
}

function listenOn(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

const close = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()));
