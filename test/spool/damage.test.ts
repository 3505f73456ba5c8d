// Damage: what the flash has lost is named, and costs no more than what was on it.

import { describe, expect, test } from 'vitest';
import { PAGE } from '../../src/spool/frame.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { bodyOf, put, SEGMENT, testSpool } from '../support/spool/spool.ts';

const text = (length: number, seed = 1) => seededRandom(seed).bytes(length);

describe('damage', () => {
  /** Seven messages of 20,000 octets over several segments, at rest. */
  const atRest = async () => {
    const disk = powerLosingDisk();
    const { spool } = await testSpool(disk);
    const ids: QueueId[] = [];
    for (let at = 0; at < 7; at++) ids.push((await put(spool, text(20_000, at))) as QueueId);
    await spool.close();
    const find = async (at: number) => {
      for (const name of await disk.list()) {
        const place = disk.contents(name).indexOf(text(20_000, at).subarray(0, 64));
        if (place >= 0) return { name, place };
      }
      throw new Error('not found');
    };
    return { disk, ids, find };
  };
  const without = (ids: readonly QueueId[], ...lost: number[]) => ids.filter((_, at) => !lost.includes(at));

  test('a flipped bit costs the message it is in, and says which', async () => {
    const { disk, ids, find } = await atRest();
    const { name, place } = await find(2);
    disk.damage(name, place + 10, Buffer.of((disk.contents(name)[place + 10] ?? 0) ^ 1));
    const after = await testSpool(disk.kill());
    expect([...after.stored.keys()]).toEqual(without(ids, 2));
    expect(after.news.of('spoolDamaged')).toMatchObject([{ segment: name }, { lost: [ids[2]], maybeLost: [] }]);
  });

  test('a page of zeros costs the messages on it', async () => {
    const { disk, ids, find } = await atRest();
    const { name, place } = await find(1);
    disk.damage(name, (Math.floor(place / PAGE) + 1) * PAGE, Buffer.alloc(PAGE));
    const after = await testSpool(disk.kill());
    expect([...after.stored.keys()]).toEqual(without(ids, 1));
    expect(after.news.of('spoolDamaged').flatMap(({ lost }) => lost)).toEqual([ids[1]]);
    for (const id of after.stored.keys()) expect((await bodyOf(after.spool, id)).length).toBe(20_000);
  });

  test('a missing segment costs the messages on it, and is missed', async () => {
    const { disk, ids, find } = await atRest();
    const { name } = await find(3);
    const rest = new Map((await disk.list()).filter((one) => one !== name).map((one) => [one, disk.contents(one)]));
    const after = await testSpool(powerLosingDisk(rest));
    expect([...after.stored.keys()].length).toBeGreaterThanOrEqual(3);
    expect(after.stored.has(ids[3] as QueueId)).toBe(false);
    for (const id of after.stored.keys()) expect((await bodyOf(after.spool, id)).equals(text(20_000, ids.indexOf(id)))).toBe(true);
    expect(after.news.of('spoolDamaged')).toMatchObject(
      [{ problem: 'the segment is not there' }, {}].slice(0, after.news.of('spoolDamaged').length),
    );
  });

  test('the damaged segment is set aside, not used again', async () => {
    const { disk, find } = await atRest();
    const { name, place } = await find(2);
    const evidence = Buffer.from(disk.contents(name));
    evidence.fill(0xee, place, place + 100);
    disk.damage(name, place, Buffer.alloc(100, 0xee));
    const clock = fakeClock();
    const again = disk.kill();
    const { spool, stored } = await testSpool(again, { clock });
    for (const id of stored.keys()) spool.remove(id);
    for (let round = 0; round < 20; round++) {
      await clock.advance(2_000);
      spool.remove((await put(spool, text(20_000, 50 + round))) as QueueId);
    }
    const aside = (await again.list()).filter((one) => one.includes('damaged'));
    expect(aside).toHaveLength(1);
    expect(again.contents(aside[0] ?? '').equals(evidence)).toBe(true);
  });

  test('a file with both headers gone is kept when a generation is missing', async () => {
    const { disk, find } = await atRest();
    const { name } = await find(3);
    disk.damage(name, 0, Buffer.alloc(PAGE, 7));
    disk.damage(name, SEGMENT - PAGE, Buffer.alloc(PAGE, 7));
    const again = disk.kill();
    const clock = fakeClock();
    const { spool, news } = await testSpool(again, { clock });
    expect(news.of('spoolDamaged').length).toBeGreaterThan(0);
    for (let round = 0; round < 20; round++) {
      await clock.advance(2_000);
      spool.remove((await put(spool, text(20_000, 50 + round))) as QueueId);
    }
    expect((await again.list()).filter((one) => one.startsWith(name) && one.includes('damaged'))).toHaveLength(1);
  });
});
