// The relay as it runs for years: what comes and goes must leave memory and descriptors where they were.
// With the default trust (the system's roots), since reading those for each connection is what leaked.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import nodemailer from 'nodemailer';
import { expect, test } from 'vitest';
import { trustedBySystem } from '../../scripts/lib/certificate.ts';
import { CERTIFICATE, politeUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';
import { temporaryFolder } from '../support/folders.ts';
import { type RelayProcess, startProcess } from '../support/programs/relay-process.ts';

const WARM_UP = 50;
const ROUNDS = 500;
// MiB that the process may gain between them: it gains 12 to 14 here. Reading the roots for each connection gained 525.
const MOST_GROWTH = 24;
// What the C library keeps for each of its threads comes and goes with the hour (1 to 24 MiB, never more in 3,000
// rounds): with one arena for all threads only what the relay keeps is measured.
const ONE_ARENA = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

/** Private dirty memory in MiB, which is what the board has to find. */
const memoryOf = (pid: number) => Number(/Private_Dirty:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024;

/** Open descriptors but those of the spool's files, which come one by one as it is used. */
function descriptorsOf(pid: number): number {
  const all = readdirSync(`/proc/${pid}/fd`).map((name) => readlinkOrNothing(`/proc/${pid}/fd/${name}`));
  return all.filter((target) => target !== undefined && !/\.(?:segment|manifest)$/.test(target)).length;
}

function readlinkOrNothing(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // closed meanwhile
  }
}

const isClosed = (socket: Socket) => new Promise<void>((resolve) => socket.on('error', () => {}).once('close', () => resolve()));

/** A device that sends this, one piece an answer, and resets the connection after the last. */
async function breakOff(port: number, pieces: readonly (string | Buffer)[]): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const over = isClosed(socket);
  const left = [...pieces];
  socket.on('data', () => {
    const next = left.shift();
    if (next !== undefined) socket.write(next, () => left.length === 0 && socket.resetAndDestroy());
  });
  await over;
}

test(`${ROUNDS} messages, connections, handshakes and broken sessions leave memory and descriptors where they were`, {
  timeout: 180_000,
}, async () => {
  const upstream = await scriptedUpstream((peer) =>
    politeUpstream(peer, {
      // One message a connection: the next one has to make its own.
      afterDot: (_data, one) => {
        setImmediate(() => one.end());
        return '250 2.0.0 taken';
      },
    }),
  );
  const relay: RelayProcess = await startProcess({
    GATEPOST_UPSTREAM: `smtp://user:secret@127.0.0.1:${upstream.port}`,
    ...trustedBySystem(CERTIFICATE, temporaryFolder()),
    GATEPOST_DEVICE_TLS_CERT: CERTIFICATE.cert,
    GATEPOST_DEVICE_TLS_KEY: CERTIFICATE.key,
    GATEPOST_SPOOL_DIR: temporaryFolder(),
    GATEPOST_LOG_LEVEL: 'info',
    ...ONE_ARENA,
    NODE_OPTIONS: '--max-semi-space-size=1', // as in the binaries
  });
  const camera = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, requireTLS: true, tls: { rejectUnauthorized: false } });
  let sent = 0;
  const round = async () => {
    const sending = camera.sendMail({ from: 'cam@example.org', to: 'you@example.org', subject: `${sent}`, text: 'x'.repeat(3_000) });
    sent += 1;
    await Promise.all([
      sending,
      breakOff(relay.port, ['EHLO cam\r\n', 'MAIL FROM:<a@b>\r\n', 'RCPT TO:<c@d>\r\n', 'DATA\r\n', 'Subject: x\r\n\r\nhalf of it']),
      breakOff(relay.port, ['EHLO cam\r\n', 'STARTTLS\r\n', Buffer.from('1603010005000000', 'hex')]),
    ]);
  };
  const delivered = () => relay.log.filter(({ event }) => event === 'delivered').length;
  /** All is delivered and all connections are closed: waited for, and bounded by the test's own time. */
  const settle = async () => {
    await relay.waitFor(() => delivered() >= sent);
    while (descriptorsOf(relay.pid) > descriptors) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const descriptors = descriptorsOf(relay.pid);

  while (sent < WARM_UP) await round();
  await settle();
  const before = memoryOf(relay.pid);
  while (sent < WARM_UP + ROUNDS) await round();
  await settle();
  const growth = memoryOf(relay.pid) - before;
  expect(upstream.connections()).toBeGreaterThan(ROUNDS);
  expect(growth, `MiB gained, from ${before.toFixed(1)}`).toBeLessThan(MOST_GROWTH);
  await relay.end();
  await upstream.close();
});
