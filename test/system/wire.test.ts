import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { type Connection, wireContract } from '../contracts/wire.ts';

wireContract('a pair in memory', async () => {
  const [ours, peer] = duplexPair();
  return { ours, peer };
});

wireContract('a TCP connection', async (): Promise<Connection> => {
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const peer = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  const [ours] = (await once(server, 'connection')) as [Socket];
  server.close();
  return { ours, peer };
});
