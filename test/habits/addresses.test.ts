// A provider's name with several addresses, and handshakes that are slow: what only real time can show. Everything
// else about addresses is in the habits (first-address-*.habit).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { startRelay } from '../../src/relay/start.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { collectNews } from '../support/fakes/news.ts';
import { CERTIFICATE, politeUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';
import { resolveLocalhostTo } from '../support/habits/names.ts';
import { sendAlert } from '../support/habits/run.ts';
import { slowListener } from '../support/habits/slow-listener.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const ALERT = { count: 1, at: 0, every: 0, from: 'cam@example.org', to: 'you@example.net', octets: 0, has: new Set<'8bit' | 'utf8'>() };

/** A relay towards `localhost`, which has these addresses; an alert is handed to it. */
async function relayTowards(addresses: readonly string[], port: number) {
  ends.push(resolveLocalhostTo(addresses));
  const folder = mkdtempSync(join(tmpdir(), 'gatepost-habit-'));
  ends.push(() => rmSync(folder, { recursive: true }));
  const parsed = parseConfig(
    {
      GATEPOST_UPSTREAM: `smtp://user:secret@localhost:${port}`,
      GATEPOST_UPSTREAM_CA: CERTIFICATE.cert,
      GATEPOST_LISTEN: '127.0.0.1:0',
      GATEPOST_HOSTNAME: 'gate.example.org',
      GATEPOST_SPOOL_DIR: folder,
      GATEPOST_SPOOL_SIZE: '8MiB',
    },
    () => '',
  );
  if ('mistakes' in parsed) throw new Error(parsed.mistakes.join('\n'));
  const news = collectNews();
  const relay = await startRelay(parsed.config, { clock: systemClock, random: systemRandom }, [
    { delivered: (event) => news.tell('delivered', event), upstreamDown: (event) => news.tell('upstreamDown', event) },
  ]);
  ends.push(() => relay.stop());
  expect(await sendAlert(Number(relay.addresses[0]?.split(':').at(-1)), 1, ALERT)).toContain('queued as');
  return news;
}

async function provider() {
  const upstream = await scriptedUpstream((peer) => politeUpstream(peer));
  ends.push(() => upstream.close());
  return upstream;
}

/** Waits until the alert was delivered; the seconds that it took. */
async function delivered(news: Awaited<ReturnType<typeof relayTowards>>, within: number): Promise<number> {
  const started = performance.now();
  while (news.of('delivered').length === 0 && performance.now() - started < within * 1000) await wait(20);
  expect(news.of('delivered'), 'delivered in time').toHaveLength(1);
  return (performance.now() - started) / 1000;
}

// source: providers.md 5 (slow-handshake): 127.25.n.1, whose SYN is lost once, and 2001:db8:25::25 without a route.
test('a handshake of a second is no outage, whatever the other addresses are', async () => {
  const slow = await slowListener('127.25.1.1', (await provider()).port);
  ends.push(() => slow.close());
  await slow.stop();
  const news = await relayTowards(['127.25.1.1', '2001:db8:25::25'], slow.port);
  await wait(600);
  slow.goOn();
  await delivered(news, 10);
  expect(news.of('upstreamDown')).toEqual([]);
});

// source: RFC 5321, section 5.1; issue 12, point 4
test('an address that never answers does not keep the next one from being tried', { timeout: 60_000 }, async () => {
  const up = await provider();
  const silent = await slowListener('127.25.2.1', up.port);
  ends.push(() => silent.close());
  await silent.stop();
  const forwarder = await scriptedUpstream((peer) => politeUpstream(peer), { host: '127.25.2.2', port: silent.port });
  ends.push(() => forwarder.close());
  const news = await relayTowards(['127.25.2.1', '127.25.2.2'], silent.port);
  await delivered(news, 40);
});
