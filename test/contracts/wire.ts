// What a Wire promises over whatever Duplex it is given: run over a pair in memory and over a TCP connection. The
// clock is a fake one, so that no deadline is waited for; what comes over a socket is waited for by itself.

import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { turnAway, Wire } from '../../src/system/wire.ts';
import { type FakeClock, fakeClock } from '../support/fakes/clock.ts';

/** Both ends of one connection; each may close its side and still read the other. */
export type Connection = { readonly ours: Duplex; readonly peer: Duplex };

export function wireContract(name: string, connect: () => Promise<Connection>): void {
  const open: Duplex[] = [];
  afterEach(() => {
    for (const one of open.splice(0)) one.on('error', () => {}).destroy();
  });

  async function setUp(stop?: AbortSignal): Promise<{ wire: Wire; clock: FakeClock; peer: Duplex; ours: Duplex; heard: Heard }> {
    const { ours, peer } = await connect();
    open.push(ours, peer);
    const clock = fakeClock();
    return { wire: new Wire(ours, clock, stop), clock, peer, ours, heard: new Heard(peer) };
  }

  /** Waits until the peer's octets have come to our end. */
  async function arrived(ours: Duplex, octets: number): Promise<void> {
    while (ours.readableLength < octets) await once(ours, 'readable');
  }

  describe(`a wire over ${name}`, () => {
    test('lines, however the packets are cut', async () => {
      const { wire, peer } = await setUp();
      for (const octet of 'a\r\nbc\n\r\n') peer.write(octet);
      const lines = [await wire.line(10, 1_000), await wire.line(10, 1_000), await wire.line(10, 1_000)];
      expect(lines).toEqual([lineOf('a'), lineOf('bc', true), lineOf('')]);
    });

    test('several lines in one packet', async () => {
      const { wire, peer } = await setUp();
      peer.write('one\r\ntwo\r\nthr');
      expect([await wire.line(10, 1_000), await wire.line(10, 1_000)]).toEqual([lineOf('one'), lineOf('two')]);
      peer.write('ee\r\n');
      expect(await wire.line(10, 1_000)).toEqual(lineOf('three'));
    });

    test.each([
      ['12345\r\n', lineOf('12345')],
      ['12345\n', lineOf('12345', true)],
      ['123456\r\n', 'too-long'],
      ['123456\n', 'too-long'],
      [`${'1'.repeat(100_000)}\r\n`, 'too-long'],
    ])('at most five octets: %.20j', async (text, line) => {
      const { wire, peer } = await setUp();
      peer.write(`${text}next\r\n`);
      expect(await wire.line(5, 1_000)).toEqual(line);
      expect(await wire.line(5, 1_000)).toEqual(lineOf('next'));
    });

    test('a line without end is not read for ever', async () => {
      const { wire, peer } = await setUp();
      peer.write(Buffer.alloc(2 ** 20 + 1, 'a'));
      await expect(wire.line(5, 1_000)).rejects.toMatchObject({ name: 'ConnectionLost', reason: 'broken' });
    });

    test('the deadline of a line is not put off by its octets', async () => {
      const { wire, peer, clock, ours } = await setUp();
      const line = wire.line(10, 1_000);
      const lost = expect(line).rejects.toMatchObject({ reason: 'timeout' });
      await clock.advance(600);
      peer.write('a');
      await once(ours, 'readable');
      await clock.advance(399);
      expect(clock.nextTimer()).toBe(1);
      await clock.advance(1);
      await lost;
    });

    test('octets as they come, and given back', async () => {
      const { wire, peer } = await setUp();
      peer.write('abc');
      expect(String(await wire.some(1_000))).toBe('abc');
      wire.unread(Buffer.from('c'));
      wire.unread(Buffer.of());
      wire.unread(Buffer.from('b'));
      expect(wire.hasUnread()).toBe(true);
      expect(String(await wire.some(1_000))).toBe('b');
      expect(String(await wire.some(1_000))).toBe('c');
      expect(wire.hasUnread()).toBe(false);
    });

    test('what is queued goes out when somebody waits, and not before', async () => {
      const { wire, peer, heard } = await setUp();
      wire.queue(Buffer.from('one '));
      wire.queue(Buffer.from('two'));
      peer.write('x\r\n');
      expect(heard.text).toBe('');
      await wire.line(10, 1_000);
      const next = wire.line(10, 1_000);
      await heard.until('one two');
      peer.write('y\r\n');
      await next;
    });

    test('a peer that does not read is waited for, to the deadline', async () => {
      const { wire, clock, peer } = await setUp();
      peer.pause();
      const write = writeALot(wire, 1_000);
      await waiting(clock);
      await clock.advance(999);
      expect(clock.nextTimer()).toBe(1);
      const lost = expect(write).rejects.toMatchObject({ reason: 'timeout' });
      await clock.advance(1);
      await lost;
    });

    test('a peer that reads slowly gets all of it', async () => {
      const { wire, clock, peer, heard } = await setUp();
      peer.pause();
      const write = writeALot(wire, 1_000);
      await waiting(clock);
      peer.resume();
      await write;
      await wire.write([Buffer.from('end')], 1_000);
      await heard.until('end');
      expect(heard.octets).toBe(A_LOT + 3);
    });

    test('a peer that has closed its side still gets its replies', async () => {
      const { wire, peer, heard } = await setUp();
      peer.end('QUIT\r\n');
      expect(await wire.line(10, 1_000)).toEqual(lineOf('QUIT'));
      await expect(wire.line(10, 1_000)).rejects.toMatchObject({ reason: 'closed' });
      expect(wire.isClosed).toBe(true);
      await wire.write([Buffer.from('221 bye')], 1_000);
      await heard.until('221 bye');
    });

    test('what came before the end is read first', async () => {
      const { wire, peer, ours } = await setUp();
      peer.end('a\r\nb');
      await arrived(ours, 4);
      expect(await wire.line(10, 1_000)).toEqual(lineOf('a'));
      await expect(wire.line(10, 1_000)).rejects.toMatchObject({ reason: 'closed' });
    });

    test('a connection that has ended before its wire is made', async () => {
      const { ours, peer } = await setUp();
      peer.end();
      await once(ours.resume(), 'end');
      await expect(new Wire(ours, fakeClock()).line(10, 1_000)).rejects.toMatchObject({ reason: 'closed' });
      ours.destroy();
      await once(ours, 'close');
      await expect(new Wire(ours, fakeClock()).write([Buffer.from('x')], 1_000)).rejects.toMatchObject({ reason: 'closed' });
    });

    test('our own end, cut', async () => {
      const { wire } = await setUp();
      wire.destroy();
      expect(wire.isClosed).toBe(true);
      await expect(wire.some(1_000)).rejects.toMatchObject({ name: 'ConnectionLost' });
      await expect(wire.write([Buffer.from('x')], 1_000)).rejects.toMatchObject({ name: 'ConnectionLost' });
    });

    test('expire() ends who reads, and not who writes', async () => {
      const { wire, heard } = await setUp();
      const line = expect(wire.line(10, 1_000)).rejects.toMatchObject({ reason: 'timeout' });
      wire.expire();
      await line;
      await wire.write([Buffer.from('421')], 1_000);
      await heard.until('421');
    });

    test('a stop ends reading and pausing; replies still go out', async () => {
      const stop = new AbortController();
      const { wire, heard } = await setUp(stop.signal);
      const line = expect(wire.line(10, 1_000)).rejects.toMatchObject({ reason: 'stopped' });
      stop.abort();
      await line;
      await expect(wire.pause(1_000)).rejects.toMatchObject({ reason: 'stopped' });
      await wire.write([Buffer.from('421')], 1_000);
      await heard.until('421');
      const late = new Wire((await setUp()).ours, fakeClock(), stop.signal);
      await expect(late.some(1_000)).rejects.toMatchObject({ reason: 'stopped' });
    });

    test('a pause sends what is queued, and takes its time whatever comes meanwhile', async () => {
      const { wire, clock, peer, ours, heard } = await setUp();
      wire.queue(Buffer.from('500 no'));
      let isOver = false;
      const pause = wire.pause(1_000).then(() => {
        isOver = true;
      });
      await heard.until('500 no');
      peer.end('x');
      await arrived(ours, 1);
      await clock.advance(999);
      expect(isOver).toBe(false);
      await clock.advance(1);
      await pause;
      expect(String(await wire.some(1_000))).toBe('x');
    });

    test('a pause takes its time also for a peer that has closed its side', async () => {
      const { wire, clock, peer } = await setUp();
      peer.end();
      await expect(wire.some(1_000)).rejects.toMatchObject({ reason: 'closed' });
      let isOver = false;
      const pause = wire.pause(1_000).then(() => {
        isOver = true;
      });
      await clock.advance(999);
      expect(isOver).toBe(false);
      await clock.advance(1);
      await pause;
    });

    test('a pause ends when nobody is there any more', async () => {
      const { wire, clock, ours } = await setUp();
      const pause = expect(wire.pause(60_000)).rejects.toMatchObject({ reason: 'closed' });
      await waiting(clock);
      ours.destroy();
      await pause;
      expect(clock.nextTimer()).toBeUndefined();
    });

    test('is handed over when nothing waits, without a listener of its own', async () => {
      const { ours } = await connect();
      open.push(ours);
      const before = ours.eventNames();
      const wire = new Wire(ours, fakeClock());
      expect(wire.handOver()).toBe(ours);
      expect(ours.eventNames()).toEqual(before);
    });

    test.each([true, false])('is not handed over when octets wait (read from the socket: %s)', async (isRead) => {
      const { wire, peer, ours } = await setUp();
      peer.write('STARTTLS\r\nMAIL');
      await arrived(ours, 14);
      if (isRead) await wire.line(10, 1_000);
      expect(wire.handOver()).toBe('bytes-waiting');
    });

    test('closing sends what is queued, and lets the peer read it', async () => {
      const { wire, peer, heard, clock } = await setUp();
      wire.queue(Buffer.from('221 bye'));
      peer.write('more than anybody reads');
      peer.once('end', () => peer.end());
      await wire.close();
      expect(heard.text).toBe('221 bye');
      expect(clock.nextTimer()).toBeUndefined();
    });

    test('closing gives a peer that has closed its side, and reads slowly, all that is left', async () => {
      const { wire, clock, peer, heard } = await setUp();
      peer.pause();
      peer.end();
      await expect(wire.some(1_000)).rejects.toMatchObject({ reason: 'closed' });
      wire.queue(Buffer.alloc(A_LOT));
      const [closed, ended] = [wire.close(), once(peer, 'end')];
      await waiting(clock);
      await clock.advance(2_000);
      peer.resume();
      await Promise.all([closed, ended]);
      expect(heard.octets).toBe(A_LOT);
    });

    test('closing ends, though the peer neither reads nor closes', async () => {
      const { wire, clock, peer } = await setUp();
      peer.pause();
      wire.queue(Buffer.alloc(A_LOT));
      const closed = wire.close();
      await clock.advance(2_000);
      await clock.advance(2_000);
      await closed;
    });

    test('who is turned away gets the reason, and no time', async () => {
      const { ours, clock, peer, heard } = await setUp();
      const gone = turnAway(ours, Buffer.from('421 busy'), clock);
      await heard.until('421 busy');
      peer.write('EHLO cam\r\n');
      await clock.advance(1_999);
      expect(ours.destroyed).toBe(false);
      await clock.advance(1);
      await gone;
      expect(ours.destroyed).toBe(true);
    });
  });
}

/** More than any socket takes without its peer's reading. */
const A_LOT = 32 * 2 ** 20;

const writeALot = (wire: Wire, within: number) => wire.write([Buffer.alloc(A_LOT)], within);

/** Resolves when somebody waits for the clock. */
async function waiting(clock: FakeClock): Promise<void> {
  while (clock.nextTimer() === undefined) await new Promise((resolve) => setImmediate(resolve));
}

const lineOf = (text: string, bareLf = false) => ({ octets: Buffer.from(text), bareLf });

/** What the peer reads, as long as it is not paused. */
class Heard {
  readonly #peer: Duplex;
  text = '';
  octets = 0;

  constructor(peer: Duplex) {
    this.#peer = peer;
    peer.on('data', (chunk: Buffer) => {
      this.octets += chunk.length;
      this.text = (this.text + chunk.toString('latin1')).slice(-100);
    });
    peer.on('error', () => {});
  }

  /** Waits until the last that was read is `text`. */
  async until(text: string): Promise<void> {
    while (!this.text.endsWith(text)) await once(this.#peer, 'data');
  }
}
