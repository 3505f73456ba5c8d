// Listening sockets. A connection that may not be served is refused with 421 or 554 at once, before it costs the memory
// of a session; every other becomes a conversation.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { formatReply, type Refusal } from '../smtp/reply.ts';
import { turnAway } from '../system/wire.ts';
import { formatEndpoint, type ListenAddress, type PassedSocket } from '../vocabulary/endpoint.ts';
import { plainAddress } from '../vocabulary/network.ts';
import { adviceFor } from './advice.ts';
import type { Admitted } from './connections.ts';
import { Conversation, type SessionParts } from './session.ts';
import { acceptTls, tlsFailure } from './tls.ts';

/**
 * Binds all addresses. Rejects with Node's error, its `address` and `port` set, when one can't be bound; then none is.
 */
export async function openListener(addresses: readonly (ListenAddress | PassedSocket)[], parts: SessionParts): Promise<Listener> {
  const listener = new Listener(parts);
  await listener.bind(addresses);
  return listener;
}

/** The sockets that listen and the sessions that they began; made by `openListener`. */
export class Listener {
  readonly #parts: SessionParts;
  readonly #servers: Server[] = [];
  readonly #sessions = new Set<Promise<void>>();
  #addresses: readonly string[] = [];

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** The addresses as bound, each as `host:port`. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Binds all addresses or none, as `openListener` does; called once. */
  async bind(addresses: readonly (ListenAddress | PassedSocket)[]): Promise<void> {
    try {
      for (const address of addresses) {
        const server = await bindOne(address, (socket) => this.#accept(socket, address.tls)).catch((error: NodeJS.ErrnoException) => {
          // The default names both wildcards, and IPv4 must work with a kernel that has no IPv6.
          if ('host' in address && address.host === '::' && addresses.length > 1 && NO_IPV6.has(error.code)) return undefined;
          throw error;
        });
        if (server !== undefined) this.#servers.push(server);
      }
    } catch (error) {
      await this.#closeServers();
      throw error;
    }
    this.#addresses = this.#servers.map((server) => endpointOf(server.address() as AddressInfo));
  }

  /** Stops accepting; resolves when the last session has ended. What ends the sessions is the signal `stop`. */
  async close(): Promise<void> {
    const closed = this.#closeServers();
    while (this.#sessions.size > 0) await Promise.all(this.#sessions);
    await closed;
  }

  async #closeServers(): Promise<void> {
    await Promise.all(this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  #accept(socket: Socket, isTls: boolean): void {
    const { access, connections, tls, tell } = this.#parts;
    const device = plainAddress(socket.remoteAddress ?? '');
    if (device === '') return void socket.destroy(); // the connection is gone already
    const stranger = access.refuseAddress(device);
    if (stranger !== undefined) return this.#refuse(socket, device, stranger.refusal, stranger.advice);
    const admitted = connections.admit(device);
    if ('code' in admitted) return this.#refuse(socket, device, admitted, adviceFor(admitted));
    tell('connected', { device });
    socket.setNoDelay(true);
    if (isTls || access.isTlsWanted) void tls.prepare();
    const session = this.#serve(socket, admitted, isTls).finally(() => {
      this.#sessions.delete(session);
      connections.remove(admitted);
    });
    this.#sessions.add(session);
  }

  /** Resolves when the session has ended; never rejects. */
  async #serve(socket: Socket, admitted: Admitted, isTls: boolean): Promise<void> {
    const { tls, clock, tell } = this.#parts;
    if (!isTls) return this.#converse(socket, admitted, false);
    try {
      if (tls.context === undefined) throw new Error('there is no certificate yet');
      return await this.#converse(await acceptTls(socket, tls.context, clock), admitted, true);
    } catch (error) {
      socket.destroy();
      tell('deviceTlsFailed', tlsFailure(admitted.device, error));
    }
  }

  #converse(connection: Socket, admitted: Admitted, isSecure: boolean): Promise<void> {
    const conversation = new Conversation(connection, admitted.device, isSecure, this.#parts);
    admitted.session = conversation;
    return conversation.run();
  }

  #refuse(socket: Socket, device: string, refusal: Refusal, advice: string | undefined): void {
    const { connections, clock, tell } = this.#parts;
    tell('refused', { device, refusal, command: '', ...(advice === undefined ? {} : { advice }) });
    socket.on('error', () => {});
    if (!connections.turnAway(() => turnAway(socket, formatReply(refusal), clock))) socket.destroy();
  }
}

const NO_IPV6: ReadonlySet<string | undefined> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

function bindOne(address: ListenAddress | PassedSocket, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, accept);
    server.once('error', reject);
    // Without `ipv6Only`, [::] would take the IPv4 port as well, and 0.0.0.0 could not be bound beside it.
    const where =
      'descriptor' in address
        ? { fd: address.descriptor }
        : { host: address.host, port: address.port, ipv6Only: address.host.includes(':') };
    server.listen(where, () => {
      server.off('error', reject);
      // accept(2) failed because no file descriptor was free; pending connections are accepted once one is.
      server.on('error', () => {});
      resolve(server);
    });
  });
}

const endpointOf = ({ address, port }: AddressInfo): string => formatEndpoint({ host: address, port });
