// Files that somebody removes while the relay runs: it notices, and loses nothing.

import { describe, expect, test } from 'vitest';
import { MANIFEST, readManifest } from '../../src/spool/manifest.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock, settled } from '../support/fakes/clock.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { bodyOf, put, segmentsOn, testSpool } from '../support/spool/spool.ts';

const text = (seed: number) => seededRandom(seed).bytes(20_000);

/** A spool of three segments and a free one, with six messages that wait and one that was delivered. */
async function used() {
  const disk = powerLosingDisk();
  const clock = fakeClock();
  const opened = await testSpool(disk, { clock });
  const kept = new Map<QueueId, number>();
  for (let at = 0; at < 6; at++) kept.set((await put(opened.spool, text(at))) as QueueId, at);
  const delivered = (await put(opened.spool, text(7))) as QueueId;
  opened.spool.remove(delivered);
  await clock.advance(10_000);
  return { ...opened, disk, clock, kept, delivered };
}

async function expectAll(disk: PowerLosingDisk, kept: ReadonlyMap<QueueId, number>): Promise<void> {
  const { spool, stored, news } = await testSpool(disk);
  expect(news.of('spoolDamaged')).toEqual([]);
  expect([...stored.keys()].sort()).toEqual([...kept.keys()].sort());
  for (const [id, seed] of kept) expect((await bodyOf(spool, id)).equals(text(seed))).toBe(true);
}

const ENDS = [
  ['killed', async (disk: PowerLosingDisk) => disk.kill()],
  ['cut off from power', async (disk: PowerLosingDisk) => disk.crash(seededRandom(1))],
] as const;

describe.each(ENDS)('a relay that is %s after its files were removed', (_how, end) => {
  test.each([
    ['all segments', (names: readonly string[]) => names],
    ['the oldest segment', (names: readonly string[]) => names.slice(0, 1)],
    ['the newest segment', (names: readonly string[]) => names.slice(-1)],
    ['the manifest', () => [MANIFEST]],
    ['all files', (names: readonly string[]) => [...names, MANIFEST]],
  ])('%s: it is reported once, and nothing is lost once more mail has come', async (_what, choose) => {
    const { spool, disk, kept, news } = await used();
    const removed = choose(await segmentsOn(disk));
    for (const name of removed) await disk.remove(name);
    for (let at = 8; at < 11; at++) {
      const id = await put(spool, text(at));
      await settled();
      if (id !== 'failed') kept.set(id as QueueId, at);
    }
    expect(kept.size).toBeGreaterThanOrEqual(8);
    expect(
      news
        .of('spoolDamaged')
        .flatMap(({ segment }) => segment.split(', '))
        .sort(),
    ).toEqual([...removed].sort());
    expect(spool.status().damage.length).toBeGreaterThan(0);
    expect(await readManifest(disk)).toMatchObject({ state: 'read' });
    await expectAll(await end(disk), kept);
  });
});

test('all files, and then only a stop in order: nothing is lost', async () => {
  const { spool, disk, kept } = await used();
  for (const name of await disk.list()) await disk.remove(name);
  await spool.close();
  await expectAll(disk.kill(), kept);
});

test('another file in the place of a segment stays as it is', async () => {
  const { spool, disk, kept } = await used();
  const [name = ''] = await segmentsOn(disk);
  await disk.remove(name);
  const other = await disk.create(name);
  await other.writev([Buffer.from('hello')], 0);
  kept.set((await put(spool, text(8))) as QueueId, 8);
  await settled();
  expect(disk.contents(name).toString()).toBe('hello');
  await expectAll(disk.kill(), kept);
});

test('what is acknowledged stands in a file that is there', async () => {
  const { spool, disk, kept } = await used();
  kept.set((await put(spool, text(8))) as QueueId, 8);
  // A look at all files is not due yet.
  const removed = (await segmentsOn(disk)).slice(-1);
  for (const name of removed) await disk.remove(name);
  const id = await put(spool, text(9));
  if (id !== 'failed') kept.set(id as QueueId, 9);
  await settled();
  await expectAll(disk.kill(), kept);
});

test('an idle relay looks at nothing', async () => {
  const { clock, spool } = await used();
  for (const id of [...(await idsOf(spool))]) spool.remove(id);
  await clock.advance(20_000);
  expect(clock.nextTimer() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(60_000);
});

async function idsOf(spool: Awaited<ReturnType<typeof used>>['spool']): Promise<readonly QueueId[]> {
  const ids: QueueId[] = [];
  spool.feed(({ id }) => ids.push(id));
  return ids;
}
