// Listening sockets: accept, admit, count. A connection that is not wanted gets its 421 or 554 at
// once; every other becomes a session. The excess costs no session's memory.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { formatReply, type Refusal } from '../smtp/reply.ts';
import { type Access, plainAddress } from './policy.ts';
import * as replies from './replies.ts';
import { secure } from './secure.ts';
import { type SessionParts, serve } from './session.ts';

/** `tls`: TLS from the first byte. */
export type ListenAddress = { readonly host: string; readonly port: number; readonly tls: boolean };

/** A socket that was bound for us, as a file descriptor. */
export type PassedSocket = { readonly descriptor: number; readonly tls: boolean };

export type ListenerSettings = {
  readonly listen: readonly (ListenAddress | PassedSocket)[];
  readonly maxConnections: number;
  readonly maxConnectionsPerDevice: number;
};

export interface Listener {
  /** Addresses as bound, `host:port`. */
  readonly addresses: readonly string[];
  /** Stops accepting, and resolves when the last session has ended. */
  close(): Promise<void>;
}

// Sessions beyond this share of the maximum make idle ones go sooner.
const PRESSURE = 0.8;

/** Binds all addresses. Rejects with Node's error, its `address` and `port` set, when one can't be bound; then none is. */
export async function listen(
  settings: ListenerSettings,
  parts: Omit<SessionParts, 'isUnderPressure' | 'countStranger'> & Pick<Access, 'isAllowed'>,
): Promise<Listener> {
  const perDevice = new Map<string, number>();
  const sessions = new Set<Promise<void>>();
  let strangers = 0;

  const admit = (device: string): Refusal | undefined => {
    if (!parts.isAllowed(device)) return replies.notAllowed(device);
    if (sessions.size >= settings.maxConnections) return replies.tooManyConnections;
    return (perDevice.get(device) ?? 0) >= settings.maxConnectionsPerDevice ? replies.tooManyFromDevice : undefined;
  };

  const accept = (socket: Socket, tls: boolean) => {
    const device = plainAddress(socket.remoteAddress ?? '');
    if (device === '') return socket.destroy(); // gone already
    const refusal = admit(device);
    if (refusal !== undefined) return turnAway(socket, device, refusal);
    parts.tell('connected', { device });
    perDevice.set(device, (perDevice.get(device) ?? 0) + 1);
    socket.setNoDelay(true);
    const session = converse(socket, device, tls).finally(() => {
      sessions.delete(session);
      const left = (perDevice.get(device) ?? 1) - 1;
      if (left === 0) perDevice.delete(device);
      else perDevice.set(device, left);
    });
    sessions.add(session);
    return undefined;
  };

  const converse = async (socket: Socket, device: string, tls: boolean): Promise<void> => {
    const own: SessionParts = {
      ...parts,
      isUnderPressure: () => sessions.size > settings.maxConnections * PRESSURE,
      countStranger: () => ++strangers,
    };
    if (!tls) return serve(socket, device, false, own);
    const context = parts.tlsContext();
    try {
      if (context === undefined) throw new Error('there is no certificate yet');
      return await serve(await secure(socket, context, parts.clock), device, true, own);
    } catch (error) {
      socket.destroy();
      parts.tell('deviceTlsFailed', { device, problem: (error as Error).message });
    }
  };

  const turnAway = (socket: Socket, device: string, refusal: Refusal) => {
    parts.tell('refused', { device, refusal, command: '' });
    socket.on('error', () => {}).end(formatReply(refusal));
    socket.resume().setTimeout(TURN_AWAY_WITHIN, () => socket.destroy());
  };

  const servers: Server[] = [];
  const closeAll = () => Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  try {
    for (const address of settings.listen) {
      const server = await bind(address, accept).catch((error: NodeJS.ErrnoException) => {
        // A kernel without IPv6 is no reason not to serve IPv4: the default names both wildcards.
        if ('host' in address && address.host === '::' && settings.listen.length > 1 && NO_IPV6.has(error.code)) return undefined;
        throw error;
      });
      if (server !== undefined) servers.push(server);
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  return {
    addresses: servers.map((server) => describe(server.address() as AddressInfo)),
    async close() {
      const closed = closeAll();
      while (sessions.size > 0) await Promise.all(sessions);
      await closed;
    },
  };
}

const TURN_AWAY_WITHIN = 5_000;
const NO_IPV6: ReadonlySet<string | undefined> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

function bind(address: ListenAddress | PassedSocket, accept: (socket: Socket, tls: boolean) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => accept(socket, address.tls));
    server.once('error', reject);
    // [::] would take the IPv4 port as well, and then 0.0.0.0 couldn't be bound beside it.
    const where =
      'descriptor' in address
        ? { fd: address.descriptor }
        : { host: address.host, port: address.port, ipv6Only: address.host.includes(':') };
    server.listen(where, () => {
      server.off('error', reject);
      server.on('error', () => {}); // accept(2) failed, for want of descriptors: those who wait are taken when there are some again
      resolve(server);
    });
  });
}

function describe({ address, port }: AddressInfo): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
