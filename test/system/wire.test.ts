import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import { acceptTls } from '../../src/server/tls.ts';
import { systemClock } from '../../src/system/clock.ts';
import { wireContract } from '../contracts/wire.ts';

wireContract('a pair in memory', async () => {
  const [ours, peer] = duplexPair();
  return { ours, peer };
});

wireContract('a TCP connection', connectTcp);

const CONTEXT = createSecureContext(selfSigned());

wireContract('TLS', async () => {
  const tcp = await connectTcp();
  const peer = connectTls({ socket: tcp.peer, rejectUnauthorized: false });
  const [ours] = await Promise.all([acceptTls(tcp.ours, CONTEXT, systemClock), once(peer, 'secureConnect')]);
  return { ours, peer };
});

/** A connection over loopback whose ends may close their sides one by one. */
async function connectTcp() {
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const peer = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  const [ours] = (await once(server, 'connection')) as [Socket];
  server.close();
  return { ours, peer };
}
