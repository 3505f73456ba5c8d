// What only shows in the whole relay: the program, with a provider and devices around it.

import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import nodemailer from 'nodemailer';
import { afterEach, describe, expect, test } from 'vitest';
import { CERTIFICATE, politeUpstream, type ScriptedUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';
import { temporaryFolder } from '../support/folders.ts';
import { type Environment, type LogLine, type RelayProcess, runProgram, startProcess } from '../support/programs/relay-process.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startRelay(upstream: { readonly port: number }, environment: Environment = {}): Promise<RelayProcess> {
  const relay = await startProcess({
    GATEPOST_UPSTREAM: `smtp://user:secret@127.0.0.1:${upstream.port}`,
    GATEPOST_UPSTREAM_CA: CERTIFICATE.cert,
    GATEPOST_SPOOL_DIR: temporaryFolder(),
    ...environment,
  });
  ends.push(() => relay.end());
  return relay;
}

/** A provider that offers these extensions, asked anew at each connection. */
async function provider(offers: () => readonly string[]): Promise<ScriptedUpstream> {
  const upstream = await scriptedUpstream((peer) => politeUpstream(peer, { offersSecure: offers() }));
  ends.push(() => upstream.close());
  return upstream;
}

/** A device by hand: says a line, and gives the reply. */
async function deviceAt(port: number) {
  const socket = connect(port, '127.0.0.1');
  ends.push(async () => socket.destroy());
  const ask = repliesOf(socket);
  await ask('');
  return { socket, ask };
}

function repliesOf(socket: Socket | TLSSocket) {
  let heard = '';
  let wake = () => {};
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
    wake();
  });
  for (const event of ['close', 'error']) {
    socket.on(event, () => {
      heard += '000 closed\r\n';
      wake();
    });
  }
  return async (line: string): Promise<string> => {
    if (line !== '') socket.write(`${line}\r\n`);
    for (;;) {
      const reply = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(heard)?.[0];
      if (reply !== undefined) {
        heard = heard.slice(reply.length);
        return reply;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}

const send = (relay: RelayProcess) =>
  nodemailer
    .createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true })
    .sendMail({ from: 'cam@example.org', to: 'you@example.org', text: 'x' });

const connections = (relay: RelayProcess) => relay.log.filter(({ event }) => event === 'upstreamConnected');

describe("the upstream's SIZE", () => {
  test('is learned anew when it keeps a message out, and no message is sent for that', async () => {
    let size = 100_000;
    const upstream = await provider(() => [`SIZE ${size}`, 'AUTH PLAIN']);
    const relay = await startRelay(upstream);
    await send(relay);
    await relay.waitFor(({ event }) => event === 'delivered');
    size = 10_000_000;
    const { ask } = await deviceAt(relay.port);
    await ask('EHLO cam');
    expect(await ask('MAIL FROM:<a@b> SIZE=200000')).toMatch(/^552 5\.3\.4 /);
    let reply = '';
    while (!reply.startsWith('250 ')) {
      reply = await ask('MAIL FROM:<a@b> SIZE=200000');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(upstream.heard.filter((line) => line.includes('AUTH'))).toHaveLength(1);
    expect(upstream.heard.filter((line) => line.includes('MAIL'))).toHaveLength(1);
  });

  test('is learned anew at the start, where it is an old one that keeps messages out', async () => {
    let size = 100_000;
    const upstream = await provider(() => [`SIZE ${size}`, 'AUTH PLAIN']);
    const spool = { GATEPOST_SPOOL_DIR: temporaryFolder() };
    const first = await startRelay(upstream, spool);
    await send(first);
    await first.waitFor(({ event }) => event === 'delivered');
    await first.end();
    size = 10_000_000;
    const second = await startRelay(upstream, spool);
    let reply = '';
    while (!reply.includes('SIZE 9995904')) {
      const { ask } = await deviceAt(second.port);
      reply = await ask('EHLO cam');
      await ask('QUIT');
    }
    expect(connections(second)).toEqual([]); // nothing was sent, so nobody logged in
  });
});

test('many who are not allowed are a line in the log, then one a minute', async () => {
  const relay = await startRelay(await provider(() => ['AUTH PLAIN']), { GATEPOST_ALLOW: '10.0.0.0/8' });
  for (let count = 0; count < 300; count++) {
    const socket = connect(relay.port, '127.0.0.1');
    socket.on('error', () => {}).resume();
    await once(socket, 'close');
  }
  expect(relay.log.filter(({ event }) => event === 'refused')).toHaveLength(1);
});

test('a file that is named as the control socket by mistake stays', async () => {
  const path = join(temporaryFolder(), 'precious');
  writeFileSync(path, 'text');
  const relay = await startRelay(await provider(() => ['AUTH PLAIN']), { GATEPOST_CONTROL_SOCKET: path });
  const fault: LogLine = await relay.waitFor(({ event }) => event === 'fault');
  expect(fault['error']).toContain('is no socket; it is left alone');
  expect(readFileSync(path, 'utf8')).toBe('text');
});

test('a relay whose folder another one has taken refuses mail, and ends with exit code 69', async () => {
  const upstream = await provider(() => ['AUTH PLAIN']);
  const spool = temporaryFolder();
  const first = await startRelay(upstream, { GATEPOST_SPOOL_DIR: spool });
  const { ask } = await deviceAt(first.port);
  for (const line of ['EHLO cam', 'MAIL FROM:<cam@example.org>', 'RCPT TO:<you@example.org>', 'DATA']) await ask(line);
  rmSync(join(spool, 'relay.lock'));
  const second = await startRelay(upstream, { GATEPOST_SPOOL_DIR: spool, GATEPOST_CONTROL_SOCKET: join(temporaryFolder(), 'socket') });
  expect(await ask('Subject: x\r\n\r\nx\r\n.')).toMatch(/^451 /);
  await first.waitFor(({ event }) => event === 'stopped');
  expect(first.log.filter(({ event }) => event === 'fault')).toMatchObject([
    { where: 'spool', error: expect.stringMatching(/another relay uses/) },
  ]);
  expect(await first.ended()).toBe(69);
  await send(second);
  await second.waitFor(({ event }) => event === 'delivered');
});

test('what is said on the way reaches no terminal as it came', async () => {
  const escapes = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e';
  const upstream = await scriptedUpstream(async (peer) => {
    peer.raw(Buffer.from(`554 ${escapes} go away\r\n`).toString('latin1'));
    peer.end();
  });
  ends.push(() => upstream.close());
  const spool = temporaryFolder();
  const relay = await startRelay(upstream, { GATEPOST_SPOOL_DIR: spool });
  const raw = `From: <cam@example.org>\r\nSubject: ${escapes}\r\n\r\nx\r\n`;
  const { response } = await nodemailer
    .createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true, name: `cam${escapes}` })
    .sendMail({ envelope: { from: 'cam@example.org', to: 'you@example.org' }, raw });
  await relay.waitFor(({ event }) => event === 'upstreamDown');
  const environment = { GATEPOST_SPOOL_DIR: spool };
  const id = /queued as (\w+)/.exec(response)?.[1] ?? '';
  const upstreamToo = { ...environment, GATEPOST_UPSTREAM: `smtp://127.0.0.1:${upstream.port}` };
  for (const [argv, settings] of [
    [['status'], environment],
    [['status', '--json'], environment],
    [['queue'], environment],
    [['queue', '--json'], environment],
    [['queue', 'show', id], environment],
    [['queue', 'show', id, '--json'], environment],
    [['check', '--connect'], upstreamToo],
    [['send-test', 'you@example.org'], upstreamToo],
  ] as const) {
    const { stdout, stderr } = await runProgram(argv, settings);
    expect(stdout + stderr, argv.join(' ')).not.toBe('');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(stdout + stderr, argv.join(' ')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  }
});

describe('TLS with devices', () => {
  const tls = { GATEPOST_DEVICE_TLS_CERT: CERTIFICATE.cert, GATEPOST_DEVICE_TLS_KEY: CERTIFICATE.key };

  async function securedDevice(relay: RelayProcess, version: 'TLSv1.2' | 'TLSv1.3') {
    const { socket, ask } = await deviceAt(relay.port);
    await ask('EHLO cam');
    await ask('STARTTLS');
    socket.removeAllListeners('data');
    const secured = connectTls({ socket, rejectUnauthorized: false, maxVersion: version });
    await once(secured, 'secureConnect');
    return { raw: socket, secured, ask: repliesOf(secured) };
  }

  test('is offered by default only with a certificate of the owner', async () => {
    const upstream = await provider(() => ['AUTH PLAIN']);
    const without = await deviceAt((await startRelay(upstream)).port);
    expect(await without.ask('EHLO cam')).not.toContain('STARTTLS');
    const withOwn = await deviceAt((await startRelay(upstream, tls)).port);
    expect(await withOwn.ask('EHLO cam')).toContain('STARTTLS');
    const madeHere = await startRelay(upstream, { GATEPOST_DEVICE_TLS: 'self-signed' });
    let offers = '';
    while (!offers.includes('STARTTLS')) {
      const { ask } = await deviceAt(madeHere.port); // making it takes a moment
      offers = await ask('EHLO cam');
      await ask('QUIT');
    }
  });

  test('a program that verifies certificates can send, and where it can not the owner is told', async () => {
    const upstream = await provider(() => ['AUTH PLAIN']);
    const program = (relay: RelayProcess) =>
      nodemailer
        .createTransport({ host: '127.0.0.1', port: relay.port })
        .sendMail({ from: 'cam@example.org', to: 'you@example.org', text: 'x' });
    expect((await program(await startRelay(upstream))).response).toContain('queued as');
    const relay = await startRelay(upstream, tls);
    await expect(program(relay)).rejects.toThrow();
    const told = await relay.waitFor(({ event }) => event === 'gone' || event === 'deviceTlsFailed');
    expect(told['advice']).toContain('GATEPOST_DEVICE_TLS=off');
  });

  test('an old device is told apart from one that distrusts, and the owner what to do', async () => {
    const relay = await startRelay(await provider(() => ['AUTH PLAIN']), { ...tls, GATEPOST_DEVICE_TLS_MIN: '1.3' });
    await expect(securedDevice(relay, 'TLSv1.2')).rejects.toThrow();
    const told = await relay.waitFor(({ event }) => event === 'deviceTlsFailed');
    expect(told).toMatchObject({ problem: 'unsupported protocol', advice: expect.stringContaining('GATEPOST_DEVICE_TLS_MIN') });
  });

  test('a record that can not be read ends the session', async () => {
    const relay = await startRelay(await provider(() => ['AUTH PLAIN']), tls);
    const { raw, secured, ask } = await securedDevice(relay, 'TLSv1.3');
    expect(await ask('EHLO cam')).toMatch(/^250/);
    secured.on('error', () => {});
    raw.write(Buffer.from('1703030020'.padEnd(74, '0'), 'hex'));
    await once(raw, 'close');
  });

  test('nobody renegotiates', async () => {
    const relay = await startRelay(await provider(() => ['AUTH PLAIN']), tls);
    const { secured } = await securedDevice(relay, 'TLSv1.2');
    secured.on('error', () => {});
    const result = await new Promise<unknown>((resolve) => {
      secured.once('close', () => resolve('closed'));
      secured.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error ?? 'renegotiated'));
    });
    expect(result).not.toBe('renegotiated');
  });
});
