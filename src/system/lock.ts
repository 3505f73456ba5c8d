// One relay a folder. Node has no flock(2); an abstract Unix socket named after the folder's device and
// inode does as well: the kernel gives the name to one process, and takes it back when that dies,
// however it dies. It is not seen across network namespaces: two containers that share a spool are
// not told from each other by it.

import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';

/** Holds the folder until the returned function is called or the process ends; `taken` when another process has it. */
export async function lockFolder(path: string): Promise<(() => Promise<void>) | 'taken'> {
  const { dev, ino } = await stat(path);
  const server = createServer((socket) => socket.destroy());
  const held = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen(`\0gatepost-spool-${dev}-${ino}`, () => resolve(true));
  });
  if (!held) return 'taken';
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}
