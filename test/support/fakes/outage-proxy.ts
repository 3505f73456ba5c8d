// A network between the relay and its upstream that goes away in the ways networks do: nothing answers,
// everything is reset, or packets just stop.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** No listener, a reset at once, or a connection on which nothing comes. */
export type Outage = 'refused' | 'reset' | 'silent';

/** The network, as a proxy in front of the upstream. */
export type OutageProxy = {
  readonly port: number;
  /** From now on the network is gone. */
  begin(outage: Outage): Promise<void>;
  /** It is back; connections from before are dead. */
  end(): Promise<void>;
  /** Ends all connections, and the proxy. */
  close(): Promise<void>;
};

/** Starts it in front of a port of loopback. */
export async function outageProxy(upstreamPort: number): Promise<OutageProxy> {
  const sockets = new Set<Socket>();
  let outage: Outage | undefined;
  let server: Server;
  let port = 0;

  const carry = (near: Socket) => {
    sockets.add(near);
    near.on('error', () => {}).on('close', () => sockets.delete(near));
    if (outage === 'silent') return;
    if (outage !== undefined) return void near.resetAndDestroy();
    const far = connect(upstreamPort, '127.0.0.1');
    sockets.add(far);
    far.on('error', () => near.destroy()).on('close', () => sockets.delete(far));
    near.pipe(far);
    far.pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  };
  const listen = async () => {
    server = createServer(carry);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  };
  const unlisten = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  const resetAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  await listen();
  return {
    port,
    async begin(kind) {
      outage = kind;
      if (kind === 'silent') {
        for (const socket of sockets) socket.unpipe().pause();
        return;
      }
      resetAll();
      if (kind === 'refused') await unlisten();
    },
    async end() {
      const was = outage;
      outage = undefined;
      resetAll();
      if (was === 'refused') await listen();
    },
    async close() {
      resetAll();
      if (outage !== 'refused') await unlisten();
    },
  };
}
