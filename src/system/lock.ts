// One relay for each folder. Node has no flock(2); a Unix socket in the folder does as well: whoever accepts
// connections on it runs. It lies in the folder, which only the relay may write to, so that no other user can take
// its place, and it works for two containers that share the folder. Somebody may remove the socket, so whoever writes
// to the folder looks at it again and again.

import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { access, link, lstat, open, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { kindOf } from './disk.ts';
import { codeOf } from './problem.ts';

const NAME = 'relay.lock';

/** Something that is no socket stands in the lock's place. The message is a clause that says what to do. */
export class NotALock extends Error {
  override readonly name = 'NotALock';
  /** `found`: what lstat(2) has for `path`. */
  constructor(path: string, found: BigIntStats) {
    super(`${kindOf(found)} stands where its lock should be; remove ${path}`);
  }
}

/** The socket that has the lock's name, and its inode, by which it is known again. */
type Held = { readonly server: Server; readonly inode: string };

/** A folder that this process holds, until `release` is called or the process ends. */
export class FolderLock {
  readonly #path: string;
  #held: Held;

  /** Only `lockFolder` makes one. */
  constructor(path: string, held: Held) {
    this.#path = path;
    this.#held = held;
  }

  /**
   * Whether the folder is still this process's. `renewed`: somebody removed the lock, and it was made again; `lost`:
   * another one has its place. What can't be found out counts as `held`. Never rejects.
   */
  async look(): Promise<'held' | 'renewed' | 'lost'> {
    try {
      const inode = await inodeOf(`${this.#path}/${NAME}`);
      if (inode !== undefined) return inode === this.#held.inode ? 'held' : 'lost';
      const again = await take(this.#path);
      if (again === 'taken') return 'lost';
      const old = this.#held;
      this.#held = again;
      await close(old.server);
      return 'renewed';
    } catch (error) {
      return error instanceof NotALock ? 'lost' : 'held';
    }
  }

  /** Gives the folder back, but takes nothing away from another process that has it by now. Never rejects. */
  async release(): Promise<void> {
    const name = `${this.#path}/${NAME}`;
    const inode = await inodeOf(name).catch(() => undefined);
    if (inode === this.#held.inode) await rm(name, { force: true }).catch(() => {});
    await close(this.#held.server);
  }
}

/**
 * Takes the folder; `taken` when another process holds it. Rejects with NotALock, and with Node's error where the
 * folder can't be written, or takes no sockets.
 */
export async function lockFolder(path: string): Promise<FolderLock | 'taken'> {
  const held = await take(path);
  return held === 'taken' ? held : new FolderLock(path, held);
}

async function take(path: string): Promise<Held | 'taken'> {
  const folder = await open(path, 'r');
  try {
    // Named by its descriptor: the path of a socket may have 107 octets (unix(7)), and that of the folder may have
    // more.
    const short = `/proc/self/fd/${folder.fd}`;
    return await takeIn((await isThere(short)) ? short : path, path);
  } finally {
    await folder.close();
  }
}

/** `folder` is a short name for `path`, which messages name. */
async function takeIn(folder: string, path: string): Promise<Held | 'taken'> {
  await refuseOthers(folder, path);
  const own = `${NAME}.${randomUUID()}`;
  const server = await listenOn(`${folder}/${own}`);
  server.unref();
  try {
    const inode = await inodeOf(`${folder}/${own}`);
    // Only one process can give its socket the name. The socket of a process that has ended is replaced.
    const isOurs = (await isNamed(folder, own)) || (!(await isListening(`${folder}/${NAME}`)) && (await replaceDead(folder, own)));
    if (isOurs && inode !== undefined) {
      await removeDead(folder);
      return { server, inode };
    }
    await close(server);
    return 'taken';
  } catch (error) {
    await close(server);
    throw error;
  } finally {
    await rm(`${folder}/${own}`, { force: true });
  }
}

/** A socket that a dead process left may be replaced; whatever else has the lock's name belongs to somebody. */
async function refuseOthers(folder: string, path: string): Promise<void> {
  const found = await statOf(`${folder}/${NAME}`);
  if (found !== undefined && !found.isSocket()) throw new NotALock(`${path}/${NAME}`, found);
}

/** Tells a file from all others; undefined when none has the name. */
async function inodeOf(path: string): Promise<string | undefined> {
  const found = await statOf(path);
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
}

async function statOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

// What `replaceDead` has moved away, when the process ended before it was removed.
const DEAD = /^relay\.lock\.[-\da-f]{36}\.dead$/;

/** Removes what earlier starts have left. It is no matter if that fails. */
async function removeDead(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((one) => DEAD.test(one))) {
    const path = `${folder}/${name}`;
    // Another process may just be looking at it, to put it back if somebody listens on it.
    if (await isListening(path)) continue;
    await unlink(path)
      .catch(() => rmdir(path))
      .catch(() => {});
  }
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
    if (codeOf(error) === 'EEXIST') return false;
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
    if (codeOf(error) !== 'ENOENT') throw error;
    return isNamed(folder, own);
  }
  const wasListening = await isListening(aside);
  // The one that listens may have given the name to another socket of its own meanwhile.
  if (wasListening) await isNamed(folder, `${own}.dead`);
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
