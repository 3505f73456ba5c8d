import { expect, test } from 'vitest';
import { type Admitted, Connections } from '../../src/server/connections.ts';
import { later, type Monotonic } from '../../src/system/clock.ts';
import { fakeClock } from '../support/fakes/clock.ts';

function admit(connections: Connections, device: string): Admitted {
  const admitted = connections.admit(device);
  if ('code' in admitted) throw new Error(`${device} is refused: ${admitted.text}`);
  return admitted;
}

test('so many of one device, so many in all; what is removed makes room, once', () => {
  const connections = new Connections({ maxConnections: 3, maxConnectionsPerDevice: 2 }, fakeClock());
  const first = admit(connections, 'a');
  admit(connections, 'a');
  expect(connections.admit('a')).toMatchObject({ code: 421, text: expect.stringContaining('from your address') });
  admit(connections, 'b');
  expect(connections.admit('c')).toMatchObject({ code: 421, text: expect.stringContaining('too many connections,') });
  connections.remove(first);
  connections.remove(first);
  admit(connections, 'a');
  expect(connections.admit('a')).toMatchObject({ code: 421 });
});

test('an IPv6 network has as many as four devices', () => {
  const connections = new Connections({ maxConnections: 100, maxConnectionsPerDevice: 2 }, fakeClock());
  const first = admit(connections, 'fd00::1');
  for (let count = 2; count < 9; count++) admit(connections, `fd00::${count}`);
  expect(connections.admit('fd00::9')).toMatchObject({ code: 421, text: expect.stringContaining('from your address') });
  admit(connections, 'fd00:0:0:1::1');
  for (let count = 0; count < 20; count++) admit(connections, `192.0.2.${count}`);
  connections.remove(first);
  admit(connections, 'fd00::9');
});

test('connections are short beyond four fifths', () => {
  const connections = new Connections({ maxConnections: 10, maxConnectionsPerDevice: 10 }, fakeClock());
  for (let count = 0; count < 8; count++) admit(connections, 'a');
  expect(connections.isShort).toBe(false);
  const ninth = admit(connections, 'a');
  expect(connections.isShort).toBe(true);
  connections.remove(ninth);
  expect(connections.isShort).toBe(false);
});

test('when connections are short those that have long been silent make room', async () => {
  const clock = fakeClock();
  const connections = new Connections({ maxConnections: 10, maxConnectionsPerDevice: 10 }, clock);
  const expired: string[] = [];
  const open = (name: string, expendableAt: Monotonic | undefined) => {
    admit(connections, name).session = { expendableAt, expire: () => expired.push(name) };
  };
  const inTenSeconds = later(clock.now(), 10_000);
  for (let count = 0; count < 4; count++) open(`idle-${count}`, inTenSeconds);
  for (let count = 0; count < 5; count++) open(`busy-${count}`, undefined);
  admit(connections, 'in-handshake');
  expect(connections.admit('early')).toMatchObject({ text: expect.stringContaining('too many connections,') });
  expect(expired).toEqual([]);
  await clock.advance(9_999);
  expect(connections.admit('early')).toMatchObject({ code: 421 });
  await clock.advance(1);
  open('late', undefined);
  expect(expired).toEqual(['idle-0', 'idle-1', 'idle-2', 'idle-3']);
});

test('only so many refusals are sent at once', async () => {
  const connections = new Connections({ maxConnections: 1, maxConnectionsPerDevice: 1 }, fakeClock());
  const ends: (() => void)[] = [];
  const work = () => new Promise<void>((resolve) => ends.push(resolve));
  for (let count = 0; count < 50; count++) expect(connections.turnAway(work)).toBe(true);
  expect(connections.turnAway(work)).toBe(false);
  expect(ends).toHaveLength(50);
  ends[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(connections.turnAway(work)).toBe(true);
});
