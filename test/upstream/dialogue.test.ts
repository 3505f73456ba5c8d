// Replies, RSET and QUIT over a pair of streams, on a clock that the test moves.

import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Wire } from '../../src/system/wire.ts';
import { expect as expectReply, quit, readReply, reset, UpstreamFailed, WAIT } from '../../src/upstream/dialogue.ts';
import { fakeClock } from '../support/fakes/clock.ts';

function setUp() {
  const clock = fakeClock();
  const [ours, server] = duplexPair();
  return { clock, server, wire: new Wire(ours, clock) };
}

/** What `work` fails with. */
async function failureOf(work: Promise<unknown>) {
  const error: unknown = await work.then(
    () => 'nothing',
    (reason: unknown) => reason,
  );
  return error instanceof UpstreamFailed ? error.failure : error;
}

describe('a reply', () => {
  test('of several lines, in pieces', async () => {
    const { server, wire } = setUp();
    const reply = readReply(wire, 'ehlo', WAIT.command);
    server.write('250-mx.exam');
    server.write('ple\r\n250 SIZE\r\n');
    expect(await reply).toEqual({ code: 250, lines: ['mx.example', 'SIZE'] });
  });

  test('with another code than the expected one is a failure, with its verdict', async () => {
    const { server, wire } = setUp();
    server.write('421 4.7.0 too many connections\r\n');
    expect(await failureOf(expectReply(wire, 'greeting', WAIT.greeting, 220))).toEqual({
      scope: 'upstream',
      stage: 'greeting',
      cause: 'single',
      problem: '421 4.7.0 too many connections',
      reply: { code: 421, status: '4.7.0', lines: ['4.7.0 too many connections'] },
      advice: expect.stringContaining('one at a time'),
    });
  });

  test('that is none', async () => {
    const { server, wire } = setUp();
    server.write('HTTP/1.1 400 Bad Request\r\n');
    expect(await failureOf(readReply(wire, 'greeting', WAIT.greeting))).toMatchObject({
      scope: 'upstream',
      problem: 'this is no SMTP reply: "HTTP/1.1 400 Bad Request"',
      advice: expect.stringContaining('captive portal'),
    });
  });

  test.each([
    ['a line without end', `250 ${'x'.repeat(3_000)}\r\n`],
    ['lines without end', '250-x\r\n'.repeat(102)],
  ])('%s', async (_name, octets) => {
    const { server, wire } = setUp();
    server.write(octets);
    expect(await failureOf(readReply(wire, 'ehlo', WAIT.command))).toMatchObject({
      stage: 'ehlo',
      problem: expect.stringMatching(/reply/),
    });
  });

  test('that does not come in time', async () => {
    const { clock, wire } = setUp();
    const failure = failureOf(readReply(wire, 'rcpt', WAIT.rcpt));
    await clock.advance(WAIT.rcpt);
    expect(await failure).toEqual({
      scope: 'upstream',
      stage: 'rcpt',
      cause: 'plain',
      problem: 'the peer took too long',
      advice: undefined,
    });
  });

  test('that is cut off by the end of the connection', async () => {
    const { server, wire } = setUp();
    server.end('25');
    expect(await failureOf(readReply(wire, 'mail', WAIT.mail))).toMatchObject({ scope: 'upstream', stage: 'mail' });
  });
});

describe('RSET', () => {
  test.each([
    ['250 flushed\r\n', true],
    ['502 what\r\n', false],
    ['421 closing\r\n', false],
    ['noise\r\n', false],
  ])('answered with %j', async (answer, isReady) => {
    const { server, wire } = setUp();
    const isReset = reset(wire);
    const [command] = await once(server, 'data');
    expect(String(command)).toBe('RSET\r\n');
    server.write(answer);
    expect(await isReset).toBe(isReady);
  });

  test('on a connection that has ended', async () => {
    const { server, wire } = setUp();
    server.end();
    expect(await reset(wire)).toBe(false);
  });
});

describe('QUIT', () => {
  test('waits for its reply, then closes', async () => {
    const { server, wire } = setUp();
    const done = quit(wire);
    const [command] = await once(server, 'data');
    expect(String(command)).toBe('QUIT\r\n');
    expect(wire.isClosed).toBe(false);
    server.end('221 bye\r\n');
    await done;
    expect(wire.isClosed).toBe(true);
  });

  test('a server that says nothing is waited for some seconds', async () => {
    const { clock, server, wire } = setUp();
    server.resume();
    const done = quit(wire);
    await clock.advance(WAIT.quit);
    await clock.advance(10_000);
    await done;
    expect(wire.isClosed).toBe(true);
  });
});
