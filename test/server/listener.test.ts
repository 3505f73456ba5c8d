import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Listener, openListener } from '../../src/server/listener.ts';
import type { MessageStore } from '../../src/server/store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import type { ListenAddress } from '../../src/vocabulary/endpoint.ts';
import { type Allowed, plainAddress } from '../../src/vocabulary/network.ts';
import { neighbourhood, type SessionOptions, sessionParts } from '../support/dialogs/access.ts';
import { collectNews } from '../support/fakes/news.ts';
import { memoryStore } from '../support/fakes/store.ts';

const LOOPBACK = { address: '127.0.0.0', prefix: 8, family: 'ipv4' } as const;

const listeners: Listener[] = [];
const stops: AbortController[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const stop of stops.splice(0)) stop.abort();
  for (const listener of listeners.splice(0)) await listener.close();
});

const ON_LOOPBACK: readonly ListenAddress[] = [{ host: '127.0.0.1', port: 0, tls: false }];

async function setUp(options: SessionOptions & { allow?: Partial<Allowed>; listen?: readonly ListenAddress[] } = {}) {
  const { allow = { networks: [LOOPBACK] }, listen = ON_LOOPBACK, settings, ...rest } = options;
  const stop = new AbortController();
  const news = collectNews();
  const allowed = { networks: [], lan: false, gateway: false, ...allow };
  const parts = sessionParts({
    clock: systemClock,
    random: systemRandom,
    tell: news.tell,
    stop: stop.signal,
    ...rest,
    settings: { allow: allowed, maxRecipients: 10, ...settings },
  });
  const listener = await openListener(listen, parts);
  listeners.push(listener);
  stops.push(stop);
  const port = Number(listener.addresses[0]?.split(':').at(-1));
  return { listener, stop, news, port };
}

/** Connects from `localAddress`; the socket, and a function that waits until it has said something that matches. */
function device(port: number, localAddress = '127.0.0.1') {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  sockets.push(socket);
  socket.on('error', () => {});
  let heard = '';
  let wake = () => {};
  socket.on('data', (chunk) => {
    heard += String(chunk);
    wake();
  });
  socket.on('close', () => {
    heard += '<closed>';
    wake();
  });
  const says = async (what: RegExp): Promise<string> => {
    while (!what.test(heard)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return heard;
  };
  return { socket, says };
}

test('a connection from a network that is not allowed is refused and closed', async () => {
  const { port, news } = await setUp({ allow: { networks: [{ address: '10.0.0.0', prefix: 8, family: 'ipv4' }] } });
  expect(await device(port).says(/<closed>/)).toMatch(/^554 5\.7\.1 127\.0\.0\.1 may not use this relay; see GATEPOST_ALLOW\r\n<closed>$/);
  expect(news.of('refused')).toHaveLength(1);
});

test('too many connections of one device, or in all, get 421; others are served; ended ones make room', async () => {
  const { port } = await setUp();
  const first = [device(port), device(port), device(port)];
  for (const one of first) await one.says(/^220 /);
  expect(await device(port).says(/<closed>/)).toMatch(/^421 4\.7\.0 too many connections from your address/);
  const others = [device(port, '127.0.0.2'), device(port, '127.0.0.2')];
  for (const one of others) await one.says(/^220 /);
  expect(await device(port, '127.0.0.3').says(/<closed>/)).toMatch(/^421 4\.7\.0 too many connections, try/);
  first[0]?.socket.write('QUIT\r\n');
  await first[0]?.says(/221 2\.0\.0 bye\r\n<closed>/);
  // The device sees its session end a moment before the server has counted it out.
  let greeting = '';
  while (!greeting.startsWith('220 gate.example ESMTP')) greeting = await device(port, '127.0.0.3').says(/\r\n/);
});

test('stopping ends idle sessions with 421', async () => {
  const { port, stop, listener } = await setUp();
  const idle = device(port);
  await idle.says(/^220 /);
  stop.abort();
  await listener.close();
  expect(await idle.says(/<closed>/)).toMatch(/421 4\.3\.2 the relay is stopping/);
});

test('a message that has come completely when the relay stops is stored, and acknowledged', async () => {
  const store = memoryStore();
  let begun = () => {};
  const isCommitting = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow: MessageStore = {
    ...store,
    draft(declared, device) {
      const draft = store.draft(declared, device);
      return {
        ...draft,
        async commit(envelope) {
          begun();
          await released;
          return draft.commit(envelope);
        },
      };
    },
  };
  const { port, stop, listener } = await setUp({ store: slow });
  const one = device(port);
  one.socket.write('EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n\r\nx\r\n.\r\n');
  await isCommitting;
  stop.abort();
  release();
  await listener.close();
  expect(await one.says(/<closed>/)).toMatch(/250 2\.0\.0 queued as ID1\r\n421 4\.3\.2 the relay is stopping/);
  expect(store.messages).toHaveLength(1);
});

test('a bug in a session ends that session with 421, and is reported', async () => {
  const store = memoryStore();
  const broken: MessageStore = {
    ...store,
    draft() {
      throw new Error('a bug');
    },
  };
  const { port, news } = await setUp({ store: broken });
  const one = device(port);
  one.socket.write('EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n');
  expect(await one.says(/<closed>/)).toMatch(/421 4\.3\.0 an error in the relay/);
  expect(news.of('fault')).toMatchObject([{ where: 'session with 127.0.0.1', error: new Error('a bug') }]);
  expect(await device(port).says(/^220 /)).toBeTruthy();
});

test('an address in use is an error that names it', async () => {
  const { port } = await setUp();
  await expect(
    setUp({
      listen: [
        { host: '127.0.0.1', port: 0, tls: false },
        { host: '127.0.0.1', port, tls: false },
      ],
    }),
  ).rejects.toMatchObject({ code: 'EADDRINUSE', port });
});

test('mapped addresses are IPv4 addresses', () => {
  expect(plainAddress('::ffff:192.0.2.7')).toBe('192.0.2.7');
  expect(plainAddress('fe80::1%eth0')).toBe('fe80::1');
  expect(plainAddress('2001:db8::1')).toBe('2001:db8::1');
});

test('an address of our own network is allowed by the word lan, and its refusal advises that', async () => {
  const near = neighbourhood(['127.0.0.1']);
  const without = await setUp({ allow: {}, near });
  expect(await device(without.port).says(/<closed>/)).toMatch(/^554 /);
  expect(without.news.of('refused')).toMatchObject([{ advice: expect.stringContaining('add the word lan to GATEPOST_ALLOW') }]);
  const withIt = await setUp({ allow: { lan: true }, near });
  expect(await device(withIt.port).says(/\r\n/)).toMatch(/^220 /);
});

test("a router is no device unless it is meant: the internet's mail comes through it", async () => {
  const near = neighbourhood([], ['127.0.0.1']);
  const address = { address: '127.0.0.1', prefix: 32, family: 'ipv4' } as const;
  const by = (allow: Partial<Allowed>) => setUp({ allow, near });
  const refused = await by({ networks: [LOOPBACK] });
  expect(await device(refused.port).says(/<closed>/)).toMatch(/^554 5\.7\.1 127\.0\.0\.1 is the way to the internet/);
  expect(refused.news.of('refused')).toMatchObject([{ advice: expect.stringContaining('the word gateway') }]);
  for (const allow of [{ networks: [LOOPBACK, address] }, { networks: [address] }, { networks: [LOOPBACK], gateway: true }]) {
    const { port } = await by(allow);
    expect(await device(port).says(/\r\n/)).toMatch(/^220 /);
  }
});

test('a refused connection is closed within seconds, whatever it sends, and there are only so many of them', {
  timeout: 30_000,
}, async () => {
  const { port } = await setUp({ allow: {} });
  const all = Array.from({ length: 120 }, () => device(port));
  const dripping = setInterval(() => {
    for (const { socket } of all) if (socket.writable) socket.write('x');
  }, 100);
  const started = performance.now();
  await Promise.all(all.map(({ says }) => says(/<closed>/)));
  clearInterval(dripping);
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('a device that hangs up while it waits for its mistakes gives its place back', async () => {
  const { port, listener } = await setUp({ limits: { maxConnectionsPerDevice: 1 } });
  const bad = device(port);
  bad.socket.write(`EHLO x\r\n${'FROB\r\n'.repeat(19)}`); // the last would be answered after 45 s in all
  await bad.says(/500 /);
  bad.socket.resetAndDestroy();
  let greeting = '';
  while (!greeting.startsWith('220 ')) greeting = await device(port).says(/\r\n/);
  expect(listener.addresses).toHaveLength(1);
});
