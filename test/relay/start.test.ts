// A relay in this process: what a failed start leaves behind, and what a stop does.

import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startRelay } from '../../src/relay/start.ts';
import { CannotStart } from '../../src/relay/trouble.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { configOf, UPSTREAM } from '../support/config.ts';
import { temporaryFolder } from '../support/folders.ts';

const busy = createServer();
afterEach(() => void busy.close());

const SYSTEM = { clock: systemClock, random: systemRandom };

test('a start that fails gives back what it had taken, so that the next one succeeds', async () => {
  await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
  const { port } = busy.address() as AddressInfo;
  const folder = temporaryFolder();
  const settings = { ...UPSTREAM, GATEPOST_SPOOL_DIR: folder };
  const started = startRelay(configOf({ ...settings, GATEPOST_LISTEN: `127.0.0.1:0,127.0.0.1:${port}` }), SYSTEM, []);
  await expect(started).rejects.toThrow(CannotStart);
  await expect(started).rejects.toThrow(`127.0.0.1 port ${port} is in use by another program`);
  expect(readdirSync(folder).filter((name) => !name.endsWith('.segment') && name !== 'spool.manifest')).toEqual([]);

  const events: string[] = [];
  const listener = {
    started: ({ queued }: { readonly queued: number }) => void events.push(`started, ${queued} queued`),
    stopped: () => void events.push(`stopped, with ${readdirSync(folder).filter((name) => /lock|sock/.test(name)).length} sockets`),
  };
  const relay = await startRelay(configOf({ ...settings, GATEPOST_LISTEN: '127.0.0.1:0' }), SYSTEM, [listener]);
  expect(relay.addresses).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['control.sock', 'relay.lock']));
  await relay.stop();
  expect(events).toEqual(['started, 0 queued', 'stopped, with 0 sockets']);
});
