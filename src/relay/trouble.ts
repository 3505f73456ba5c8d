// Why the relay can't start, in a sentence for the owner of the board: which error means what, and what can be done.

import { NewerFormat } from '../spool/header.ts';
import { codeOf, problemOf } from '../system/problem.ts';

/** Ends the start; the message is a sentence for the owner of the board. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

/** The spool directory could not be made. */
export const folderNotMade = (path: string, error: unknown): CannotStart =>
  new CannotStart(`the spool directory ${path} can't be made: ${problemOf(error)}`);

/** Another relay holds the spool directory. */
export const folderTaken = (path: string): CannotStart => new CannotStart(`the spool directory ${path} is used by another running relay`);

const LOCK_TROUBLE: Readonly<Record<string, string>> = {
  EACCES: 'EACCES: this user may not write there',
  EROFS: 'EROFS: the file system is read-only',
};

/** The spool directory could not be locked. */
export const folderNotLocked = (path: string, error: unknown): CannotStart =>
  new CannotStart(`the spool directory ${path} can't be used: ${LOCK_TROUBLE[codeOf(error) ?? ''] ?? problemOf(error)}`);

/** The spool could not be opened. */
export function spoolNotOpened(path: string, error: unknown): CannotStart {
  if (error instanceof NewerFormat) return new CannotStart(`the spool in ${path} can't be read: ${error.message}`);
  return new CannotStart(`the spool directory ${path} can't be used: ${problemOf(error)}`);
}

/** An address could not be bound; Node's error has `address` and `port`. */
export function notListening(error: unknown): CannotStart {
  const { address, port } = error as { readonly address?: string; readonly port?: number };
  const where = `${address ?? '?'} port ${port ?? '?'}`;
  switch (codeOf(error)) {
    case 'EACCES':
      return new CannotStart(
        `port ${port} is not permitted to this user: with systemd, AmbientCapabilities=CAP_NET_BIND_SERVICE permits it; by hand, "sysctl net.ipv4.ip_unprivileged_port_start=25", or GATEPOST_LISTEN with a port of 1024 or above`,
      );
    case 'EADDRINUSE':
      return new CannotStart(`${where} is in use by another program; "ss -ltnp" shows which (Debian's own mail server, perhaps)`);
    case 'EADDRNOTAVAIL':
      return new CannotStart(`${address} is no address of this board; see GATEPOST_LISTEN`);
    default:
      return new CannotStart(`${where}: ${problemOf(error)}`);
  }
}
