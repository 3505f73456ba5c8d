// A spool that release 6b7524d wrote (format 1, before there was a manifest) before it was killed: it is read as it was
// meant, and gets a manifest, at whatever moment the power may be cut meanwhile.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openSegments } from '../../src/spool/files.ts';
import { readManifest } from '../../src/spool/manifest.ts';
import { scan } from '../../src/spool/scan.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { formatQueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { remainsOfCuts } from '../support/spool/generations.ts';
import { bodyOf, put, testSpool } from '../support/spool/spool.ts';

const KEPT = JSON.parse(readFileSync(new URL('format-1.json', import.meta.url), 'utf8')) as {
  readonly instance: string;
  readonly waiting: readonly { readonly id: QueueId; readonly body: string; readonly times: number; readonly device: string }[];
  /** A message that is delivered to the first of its two recipients. */
  readonly settled: QueueId;
  readonly delivered: readonly QueueId[];
  /** Gzip, in base 64. */
  readonly files: Readonly<Record<string, string>>;
};
const FILES = new Map(Object.entries(KEPT.files).map(([name, packed]) => [name, gunzipSync(Buffer.from(packed, 'base64'))]));
const IDS = KEPT.waiting.map(({ id }) => id);

test('all that it holds is there, and nothing else', async () => {
  const disk = powerLosingDisk(FILES);
  const { spool, stored, news } = await testSpool(disk);
  expect(news.of('spoolDamaged')).toEqual([]);
  expect(news.of('spoolRecovered')).toMatchObject([{ messages: 8, unfinished: 1, torn: 0 }]);
  expect([...stored.keys()]).toEqual(IDS);
  for (const { id, body, times, device } of KEPT.waiting) {
    expect((await bodyOf(spool, id)).toString()).toBe(body.repeat(times));
    expect(stored.get(id)?.device).toBe(device);
  }
  expect((await spool.envelope(KEPT.settled)).recipients.map(({ forwardPath }) => forwardPath.localPart)).toEqual(['b']);
  expect(stored.get(KEPT.settled)).toMatchObject({ attempts: 3, warned: true });
  expect(spool.instance).toBe(KEPT.instance);
  expect(spool.upstream).toEqual({ size: 12_345_678, smtpUtf8: true, binaryMime: false });
  expect(await readManifest(disk)).toEqual({ state: 'absent' });
});

test('it goes over to the manifest, and nothing is lost or comes back wherever the power goes', { timeout: 60_000 }, async () => {
  const disk = powerLosingDisk(FILES);
  const states = await remainsOfCuts(disk, seededRandom(1), 4, async () => {
    const clock = fakeClock();
    const { spool } = await testSpool(disk, { clock });
    for (let at = 0; at < 8; at++) {
      spool.remove((await put(spool, Buffer.alloc(20_000), undefined, 'passing')) as QueueId);
      await clock.advance(2_000);
    }
    await spool.close();
  });
  expect(await readManifest(disk)).toMatchObject({ state: 'read' });
  expect(states.length).toBeGreaterThan(100);
  for (const state of states) {
    const { stored, news } = await testSpool(powerLosingDisk(state));
    expect(news.of('spoolDamaged')).toEqual([]);
    expect([...stored.values()].filter(({ device }) => device !== 'passing').map(({ id }) => id)).toEqual(IDS);
  }
});

test('a `done` of it that goes bad between two good frames is noticed', async () => {
  const disk = powerLosingDisk(FILES);
  const [delivered] = KEPT.delivered;
  let damaged = '';
  for (const { segment } of (await openSegments(disk)).generations) {
    await scan(segment, ({ kind, number }, { at }) => {
      if (kind !== 'done' || formatQueueId(number) !== delivered) return;
      damaged = segment.name;
      disk.damage(segment.name, at + 20, Buffer.of(0xff));
    });
  }
  const { stored, news } = await testSpool(disk.kill());
  expect([...stored.keys()].sort()).toEqual([...IDS, delivered].sort());
  expect(news.of('spoolDamaged')[0]).toMatchObject({ segment: damaged });
});
