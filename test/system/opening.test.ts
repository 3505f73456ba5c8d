import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { opened } from '../../src/system/opening.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const open: { destroy(): unknown }[] = [];
const servers: Server[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A server that does with each connection what it is given to do; its port. */
async function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    open.push(socket.on('error', () => {}));
    serve(socket);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

const tcp = (port: number) => connect(port, '127.0.0.1');
const tls = (port: number) => connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });

test('a connection that opens, and needs its listeners no more', async () => {
  const clock = fakeClock();
  const socket = tcp(await listen(() => {}));
  const before = socket.eventNames();
  expect(await opened(socket, 'connect', 1_000, clock)).toBe(socket);
  open.push(socket);
  expect(socket.eventNames()).toEqual(before);
  expect(clock.nextTimer()).toBeUndefined();
  await clock.advance(2_000);
  expect(socket.destroyed).toBe(false);
});

test("one that is refused rejects with Node's error", async () => {
  const port = await listen(() => {});
  await new Promise((resolve) => servers.pop()?.close(resolve));
  await expect(opened(tcp(port), 'connect', 1_000, fakeClock())).rejects.toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
});

test('one that answers nothing is given up at the deadline', async () => {
  const clock = fakeClock();
  const socket = tls(await listen(() => {}));
  const failed = expect(opened(socket, 'secureConnect', 1_000, clock)).rejects.toMatchObject({ name: 'NotOpened', code: 'ETIMEDOUT' });
  await clock.advance(999);
  expect(socket.destroyed).toBe(false);
  await clock.advance(1);
  await failed;
  expect(socket.destroyed).toBe(true);
});

test('one that the other side closes', async () => {
  const socket = tls(await listen((one) => one.end()));
  await expect(opened(socket, 'secureConnect', 1_000, fakeClock())).rejects.toThrow(/closed|disconnected/);
  expect(socket.destroyed).toBe(true);
});

test('one that we close ourselves', async () => {
  const clock = fakeClock();
  const socket = tls(await listen(() => {}));
  const failed = expect(opened(socket, 'secureConnect', 1_000, clock)).rejects.toMatchObject({ name: 'NotOpened', code: 'ECONNABORTED' });
  socket.destroy();
  await failed;
  expect(clock.nextTimer()).toBeUndefined();
});

test('an error that comes when nobody waits any more does no harm', async () => {
  const clock = fakeClock();
  const socket = tls(await listen(() => {}));
  const failed = expect(opened(socket, 'secureConnect', 1_000, clock)).rejects.toThrow();
  await clock.advance(1_000);
  await failed;
  expect(() => socket.emit('error', new Error('late'))).not.toThrow();
});
