// Listening sockets: accept, and admit. A connection that is not wanted gets its 421 or 554 at once;
// every other becomes a session. The excess costs no session's memory.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { formatReply, type Refusal } from '../smtp/reply.ts';
import { turnAway } from '../system/wire.ts';
import type { ListenAddress, PassedSocket } from '../vocabulary/endpoint.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import { plainAddress } from '../vocabulary/network.ts';
import type { Access } from './access.ts';
import { adviceFor } from './advice.ts';
import { type Admitted, type ConnectionLimits, Connections } from './connections.ts';
import { converse, type SessionParts, tlsNews } from './session.ts';
import { acceptTls } from './tls.ts';

export type ListenerSettings = ConnectionLimits & { readonly listen: readonly (ListenAddress | PassedSocket)[] };

export interface Listener {
  /** Addresses as bound, `host:port`. */
  readonly addresses: readonly string[];
  /** Stops accepting, and resolves when the last session has ended. */
  close(): Promise<void>;
}

export type ListenerParts = Omit<SessionParts, 'isUnderPressure'> & Pick<Access, 'refuseAddress'>;

/** Binds all addresses. Rejects with Node's error, its `address` and `port` set, when one can't be bound; then none is. */
export async function listen(settings: ListenerSettings, parts: ListenerParts): Promise<Listener> {
  const connections = new Connections(settings, parts.clock);
  const sessions = new Set<Promise<void>>();
  const sessionParts: SessionParts = { ...parts, isUnderPressure: () => connections.isShort };

  const accept = (socket: Socket, tls: boolean) => {
    const device = plainAddress(socket.remoteAddress ?? '');
    if (device === '') return socket.destroy(); // gone already
    const stranger = parts.refuseAddress(device);
    if (stranger !== undefined) return refuse(socket, device, stranger.refusal, stranger.advice);
    const admitted = connections.admit(device);
    if ('code' in admitted) return refuse(socket, device, admitted, adviceFor(admitted));
    parts.tell('connected', { device });
    socket.setNoDelay(true);
    const session = serve(socket, admitted, tls).finally(() => {
      sessions.delete(session);
      connections.remove(admitted);
    });
    sessions.add(session);
    return undefined;
  };

  const serve = async (socket: Socket, admitted: Admitted, tls: boolean): Promise<void> => {
    const { device } = admitted;
    const talk = (over: Parameters<typeof converse>[0]) => {
      admitted.conversation = converse(over, device, tls, sessionParts);
      return admitted.conversation.ended;
    };
    if (!tls) return talk(socket);
    const context = parts.tlsContext();
    try {
      if (context === undefined) throw new Error('there is no certificate yet');
      return await talk(await acceptTls(socket, context, parts.clock));
    } catch (error) {
      socket.destroy();
      parts.tell('deviceTlsFailed', tlsNews(device, error));
    }
  };

  const refuse = (socket: Socket, device: string, refusal: Refusal, advice: string | undefined) => {
    parts.tell('refused', { device, refusal, command: '', ...(advice === undefined ? {} : { advice }) });
    socket.on('error', () => {});
    if (!connections.turnAway(() => turnAway(socket, formatReply(refusal), parts.clock))) socket.destroy();
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
    addresses: servers.map((server) => endpointOf(server.address() as AddressInfo)),
    async close() {
      const closed = closeAll();
      while (sessions.size > 0) await Promise.all(sessions);
      await closed;
    },
  };
}

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

const endpointOf = ({ address, port }: AddressInfo): string => formatEndpoint({ host: address, port });
