// The network that comes and goes, and the clock that is wrong: the real program, from outside.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import nodemailer from 'nodemailer';
import { describe, expect, test } from 'vitest';
import { selfSigned, trustedBySystem } from '../../scripts/lib/certificate.ts';
import { libraryUpstream, PASSWORD, USER } from '../../scripts/lib/library-upstream.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { type Outage, outageProxy } from '../support/fakes/outage-proxy.ts';
import { temporaryFolder } from '../support/folders.ts';
import { describeWith } from '../support/programs/installed.ts';
import { type RelayProcess, startProcess } from '../support/programs/relay-process.ts';

const towards = (port: number, certificate: { readonly cert: string }) => ({
  GATEPOST_UPSTREAM: `smtp://127.0.0.1:${port}`,
  GATEPOST_UPSTREAM_USERNAME: USER,
  GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
  GATEPOST_UPSTREAM_CA: certificate.cert,
});
const withoutCa = ({ GATEPOST_UPSTREAM_CA: _, ...rest }: ReturnType<typeof towards>) => rest;
const device = (relay: RelayProcess) =>
  nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true, pool: true, maxConnections: 5, maxMessages: 1_000 });
const subjectOf = (data: Buffer) => /^Subject: (.*?)\r?$/m.exec(data.toString('latin1'))?.[1] ?? '';

describe('the network', () => {
  const MESSAGES = 1_000;
  const OUTAGES: readonly Outage[] = ['refused', 'reset', 'silent', 'refused', 'reset', 'silent', 'refused', 'reset', 'silent', 'refused'];

  test(`${MESSAGES} messages over ${OUTAGES.length} outages: all arrive, and twice only where the answer to the dot was lost`, {
    timeout: 120_000,
  }, async () => {
    const upstream = await libraryUpstream();
    const network = await outageProxy(upstream.port);
    const relay = await startProcess({
      ...withoutCa(towards(network.port, upstream.certificate)),
      ...trustedBySystem(upstream.certificate, temporaryFolder()),
      GATEPOST_UPSTREAM_CONNECTIONS: '4',
      GATEPOST_SPOOL_DIR: temporaryFolder(),
      GATEPOST_LOG_LEVEL: 'info',
    });
    const camera = device(relay);
    let sent = 0;
    const sending = (async () => {
      for (let batch = 0; batch < MESSAGES; batch += 20) {
        const all = Array.from({ length: 20 }, (_, at) =>
          camera.sendMail({
            from: 'cam@example.org',
            to: 'you@example.org',
            subject: `message-${batch + at}`,
            text: 'x'.repeat((batch * 37) % 9_000),
          }),
        );
        await Promise.all(all);
        sent += all.length;
      }
    })();

    for (const [at, outage] of OUTAGES.entries()) {
      await upstream.waitFor(Math.min(at * 85 + 40, MESSAGES - 100));
      await network.begin(outage);
      const before = sent;
      // Devices go on sending meanwhile; the last outages come when they have sent all.
      while (sent < Math.min(MESSAGES, before + 40)) await new Promise((resolve) => setTimeout(resolve, 5));
      await network.end();
      // As a hook of the network would. Every fifth outage the relay has to notice by itself.
      if (at % 5 !== 4) relay.signal('SIGUSR2');
    }
    await sending;
    camera.close();
    const wanted = new Set(Array.from({ length: MESSAGES }, (_, at) => `message-${at}`));
    const missing = () => {
      const arrived = new Set(upstream.delivered.map(({ data }) => subjectOf(data)));
      return [...wanted].filter((subject) => !arrived.has(subject));
    };
    while (missing().length > 0) await upstream.waitFor(upstream.delivered.length + 1);
    expect(await relay.end()).toBe(0);

    const copies = new Map<string, number>();
    for (const { data } of upstream.delivered) copies.set(subjectOf(data), (copies.get(subjectOf(data)) ?? 0) + 1);
    const twice = [...copies.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(twice).toBeLessThanOrEqual(relay.log.filter(({ event }) => event === 'maybeDelivered').length);
    expect(relay.log.filter(({ event }) => event === 'upstreamDown').length).toBeGreaterThanOrEqual(OUTAGES.length - 1);
    expect(relay.log.filter(({ event }) => event === 'bounced' || event === 'expired' || event === 'deferred')).toEqual([]);
    await network.close();
    await upstream.close();
  });
});

describeWith(['faketime'], 'a clock that is wrong (libfaketime)', () => {
  const library = readdirSync('/usr/lib')
    .map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`)
    .find((path) => existsSync(path));

  /** A relay whose date the test sets; monotonic time runs as ever. */
  async function startAt(date: string, environment: Record<string, string>) {
    const file = `${temporaryFolder()}/date`;
    const set = (to: string) => writeFileSync(file, `${to}\n`);
    set(date);
    const relay = await startProcess({
      ...environment,
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
    return { relay, set };
  }

  /** A spool with twenty messages that found no upstream. */
  async function filledSpool(): Promise<string> {
    const folder = temporaryFolder();
    const relay = await startProcess({ GATEPOST_UPSTREAM: `smtp://127.0.0.1:${await freePort()}`, GATEPOST_SPOOL_DIR: folder });
    const camera = device(relay);
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        camera.sendMail({ from: 'cam@example.org', to: 'you@example.org', subject: `queued-${at}`, text: 'x' }),
      ),
    );
    camera.close();
    await relay.end('SIGKILL');
    return folder;
  }

  test.each<[string, string, RegExp]>([
    ['boot in 1970', '@1970-01-01 00:02:00', /not yet valid/],
    ['boot twenty years ahead', '+20y', /has expired/],
  ])('%s with a queue: nothing is lost, and all goes out at once when the date is set', async (_name, date, problem) => {
    const certificate = selfSigned();
    const upstream = await libraryUpstream({ certificate });
    const { relay, set } = await startAt(date, {
      ...towards(upstream.port, certificate),
      GATEPOST_UPSTREAM_CONNECTIONS: '1',
      GATEPOST_SPOOL_DIR: await filledSpool(),
    });
    const down = await relay.waitFor(({ event }) => event === 'upstreamDown');
    expect(down['problem']).toMatch(problem);
    expect(down['advice']).toMatch(/clock/);
    expect(upstream.delivered).toEqual([]);
    const before = performance.now();
    set('+0');
    await upstream.waitFor(20);
    expect(performance.now() - before).toBeLessThan(10_000); // two seconds until it is noticed
    expect(new Set(upstream.delivered.map(({ data }) => subjectOf(data))).size).toBe(20);
    expect(relay.log.some(({ event }) => event === 'expired' || event === 'bounced')).toBe(false);
    expect(await relay.end()).toBe(0);
    await upstream.close();
  });

  test('in 1970 no field that the relay writes into a message speaks of 1970', async () => {
    const upstream = await libraryUpstream();
    const { relay } = await startAt('@1970-01-01 00:02:00', {
      ...withoutCa(towards(upstream.port, upstream.certificate)),
      GATEPOST_UPSTREAM_PIN: upstream.certificate.pin, // a pinned key needs no dates
      GATEPOST_SPOOL_DIR: await filledSpool(),
    });
    expect(String(relay.log[0]?.['time'])).toMatch(/^1970-/); // the log has the system's date
    const camera = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true });
    await camera.sendMail({
      envelope: { from: 'cam@example.org', to: 'you@example.org' },
      raw: 'Subject: new\r\nDate: Thu, 1 Jan 1970 00:02:00 +0000\r\n\r\nx\r\n',
    });
    await upstream.waitFor(21);
    const arrived = upstream.delivered.find(({ data }) => subjectOf(data) === 'new')?.data.toString() ?? '';
    const year = new Date().getFullYear();
    expect(arrived).toMatch(new RegExp(`^Received: [^]*?${year} `));
    expect(arrived).toMatch(new RegExp(`^Date: .*${year} .*\r\nX-Original-Date: Thu, 1 Jan 1970`, 'm'));
    expect(await relay.end()).toBe(0);
    await upstream.close();
  });
});
