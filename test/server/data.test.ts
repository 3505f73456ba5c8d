// Octets from the wire: where DATA and chunks end, and what cuts them off.

import { duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ChunkedText, type Sink, Transfer } from '../../src/server/data.ts';
import { ConnectionLost, Wire } from '../../src/system/wire.ts';
import { fakeClock } from '../support/fakes/clock.ts';

function setUp(sizeLimit = 1_000) {
  const clock = fakeClock();
  const [device, server] = duplexPair();
  const wire = new Wire(server, clock);
  const slices: Uint8Array[] = [];
  const sink: Sink = { write: async (slice) => void slices.push(Buffer.from(slice)) };
  const transfer = () => new Transfer({ wire, clock, sizeLimit });
  return { clock, device, wire, sink, transfer, taken: () => Buffer.concat(slices).toString('latin1') };
}

const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'ended',
    (error: unknown) => (error instanceof ConnectionLost ? error.reason : error),
  );

describe('DATA', () => {
  test('ends at the dot; what follows is the next command', async () => {
    const { device, wire, sink, transfer, taken } = setUp();
    device.write('a\r\n..b\r\n.\r\nQUIT\r\n');
    const data = transfer();
    await data.data(sink, 'crlf');
    expect(taken()).toBe('a\r\n.b\r\n');
    expect(data.octets).toBe('a\r\n..b\r\n.\r\nQUIT\r\n'.length);
    expect(await wire.line(100, 1_000)).toMatchObject({ octets: Buffer.from('QUIT') });
  });

  test('of twice the limit and a million octets is read, and no more', async () => {
    const { device, sink, transfer } = setUp();
    const end = reasonOf(transfer().data(sink, 'crlf'));
    device.write(Buffer.alloc(1_002_000, 'x'));
    device.write(Buffer.alloc(10, 'x'));
    expect(await end).toBe('too-much');
  });

  test('that drips is cut off after a minute', async () => {
    const { clock, device, sink, transfer } = setUp();
    const end = reasonOf(transfer().data(sink, 'crlf'));
    for (let count = 0; count < 60; count++) {
      device.write(Buffer.alloc(499, 'x'));
      await clock.advance(1_001);
    }
    device.write('x');
    expect(await end).toBe('too-slow');
  });

  test.each([
    ['text\n.\n', 'lf'],
    ['text\n.\r\n', 'lf'],
    ['text\r\n.\n', 'lf'],
    ['text\r\r\n.\r\r\n', 'crcrlf'],
    ['text\r\n.\r\r\n', 'crcrlf'],
    ['.\r\r\n', 'crcrlf'],
    ['text.\r\r\n', undefined],
    ['text\n..\n', undefined],
    ['text\r\n', undefined],
  ])('that stops after %j looks as if it ended with %s', async (octets, wrongEnd) => {
    for (const pieces of [[octets], octets.split('')]) {
      const { clock, device, sink, transfer } = setUp();
      const data = transfer();
      const end = reasonOf(data.data(sink, 'crlf'));
      for (const piece of pieces) {
        device.write(piece);
        await clock.advance(1);
      }
      device.end();
      expect(await end).toBe('closed');
      expect(data.wrongEnd).toBe(wrongEnd);
    }
  });
});

describe('a chunk', () => {
  test('has just its octets', async () => {
    const { device, wire, sink, transfer, taken } = setUp();
    device.write('12345QUIT\r\n');
    await transfer().chunk(5, 0, sink);
    expect(taken()).toBe('12345');
    expect(await wire.line(100, 1_000)).toMatchObject({ octets: Buffer.from('QUIT') });
  });

  test('may have none', async () => {
    const { sink, transfer, taken } = setUp();
    await transfer().chunk(0, 0, sink);
    expect(taken()).toBe('');
  });

  test('that is too large with those before it is not read', async () => {
    const { device, sink, transfer, taken } = setUp();
    device.write('x');
    expect(await reasonOf(transfer().chunk(1_002_001, 0, sink))).toBe('too-much');
    expect(await reasonOf(transfer().chunk(1_001, 1_001_000, sink))).toBe('too-much');
    expect(taken()).toBe('');
  });

  test('that stops is waited for three minutes', async () => {
    const { clock, device, sink, transfer } = setUp();
    const end = reasonOf(transfer().chunk(5, 0, sink));
    device.write('1234');
    await clock.advance(180_000);
    expect(await end).toBe('timeout');
  });
});

test("a text's line ends are repaired across chunks", async () => {
  const { sink, taken } = setUp();
  const text = new ChunkedText(sink);
  for (const piece of ['a\nb\r', '\nc', '\r', 'd\r']) await text.write(Buffer.from(piece));
  await text.end();
  expect(taken()).toBe('a\r\nb\r\nc\r\nd\r\n');
});
