// One relay for each folder. Node has no flock(2); a Unix socket in the folder does as well: whoever accepts
// connections on it runs. It lies in the folder, which only the relay may write to, so that no other user can take
// its place, and it works for two containers that share the folder.

import { randomUUID } from 'node:crypto';
import { access, link, open, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';

const NAME = 'relay.lock';

/** Gives a folder back; never rejects for a lock that is gone already. */
type Unlock = () => Promise<void>;

/**
 * Holds the folder until the returned function is called or the process ends; `taken` when another process holds
 * it. Rejects with Node's error where the folder can't be written, or takes no sockets.
 */
export async function lockFolder(path: string): Promise<Unlock | 'taken'> {
  const folder = await open(path, 'r');
  try {
    // Named by its descriptor: the path of a socket may have 107 octets (unix(7)), and that of the folder may have
    // more.
    const short = `/proc/self/fd/${folder.fd}`;
    return await lockIn((await isThere(short)) ? short : path, path);
  } finally {
    await folder.close();
  }
}

/** `folder` is a short name for `path`, which is used later, when the short one is gone. */
async function lockIn(folder: string, path: string): Promise<Unlock | 'taken'> {
  const own = `${NAME}.${randomUUID()}`;
  const server = await listenOn(`${folder}/${own}`);
  server.unref();
  try {
    // Only one process can give its socket the name. The socket of a process that has ended is replaced.
    if (!(await isNamed(folder, own)) && ((await isListening(`${folder}/${NAME}`)) || !(await replaceDead(folder, own)))) {
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

/** Gives our socket the name of the lock; false when that is taken. */
async function isNamed(folder: string, own: string): Promise<boolean> {
  try {
    await link(`${folder}/${own}`, `${folder}/${NAME}`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Takes the place of a socket whose process has ended; false when another process was faster. That one may have put
 * its own socket there already, so what was moved away is looked at again, and put back if somebody listens on it.
 */
async function replaceDead(folder: string, own: string): Promise<boolean> {
  const aside = `${folder}/${own}.dead`;
  try {
    await rename(`${folder}/${NAME}`, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return isNamed(folder, own);
  }
  const wasListening = await isListening(aside);
  if (wasListening) await link(aside, `${folder}/${NAME}`);
  await rm(aside, { force: true });
  return !wasListening && isNamed(folder, own);
}

/** Whether a process accepts connections on the socket; also when that can't be found out. */
function isListening(path: string): Promise<boolean> {
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
