// A spool at rest, to be damaged: what was in it, and whether what a damaged one does is honest.

import { expect } from 'vitest';
import type { QueueId } from '../../../src/vocabulary/queue-id.ts';
import type { SpoolDamage } from '../../../src/vocabulary/spool-status.ts';
import { fakeClock } from '../fakes/clock.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../fakes/disk.ts';
import { seededRandom } from '../fakes/random.ts';
import type { Remains } from './generations.ts';
import { bodyOf, envelope, put, testSpool } from './spool.ts';

export type AtRest = {
  readonly files: Remains;
  /** Acknowledged and waiting. */
  readonly waiting: ReadonlyMap<QueueId, Buffer>;
  /** Delivered, the `done` synced. */
  readonly delivered: ReadonlySet<QueueId>;
};

/** Messages of `octets` each, every third of them delivered in the end; stopped in order or killed. */
export async function atRest(messages: number, octets: number, end: 'stopped' | 'killed'): Promise<AtRest> {
  const disk = powerLosingDisk();
  const clock = fakeClock();
  const { spool } = await testSpool(disk, { clock });
  const waiting = new Map<QueueId, Buffer>();
  const delivered = new Set<QueueId>();
  for (let at = 0; at < messages; at++) {
    const body = seededRandom(at).bytes(octets);
    waiting.set((await put(spool, body)) as QueueId, body);
  }
  expect([...waiting.keys()].join()).not.toMatch(/full|failed/);
  for (const id of [...waiting.keys()].filter((_, at) => at % 3 === 1)) {
    spool.remove(id);
    waiting.delete(id);
    delivered.add(id);
  }
  await clock.advance(2_000);
  // One more, so that whoever was told of the `done`s stands behind them.
  const last = seededRandom(messages).bytes(100);
  waiting.set((await put(spool, last)) as QueueId, last);
  if (end === 'stopped') await spool.close();
  return { files: await filesOf(disk), waiting, delivered };
}

export async function filesOf(disk: PowerLosingDisk): Promise<Remains> {
  return new Map((await disk.list()).map((name) => [name, Buffer.from(disk.contents(name))]));
}

export type Aftermath = {
  /** Waiting messages that are gone, and delivered ones that are back. */
  readonly lost: readonly QueueId[];
  readonly back: readonly QueueId[];
  readonly damage: readonly SpoolDamage[];
  /** The disk, the spool on it stopped in order. */
  readonly disk: PowerLosingDisk;
};

/**
 * Starts a spool on damaged files. Whatever they are, it must start, hand out no message that was not sent just so, and
 * say so if anything was lost or comes back; then it must go on, over a restart, with the mail that is there.
 */
export async function aftermathOf(files: Remains, { waiting, delivered }: AtRest, octets = 20_000): Promise<Aftermath> {
  const disk = powerLosingDisk(files);
  const clock = fakeClock();
  const { spool, stored, news } = await testSpool(disk, { clock, random: seededRandom(2) });
  for (const id of stored.keys()) {
    const body = waiting.get(id);
    if (body === undefined) expect(delivered.has(id), `${id} was sent`).toBe(true);
    else expect((await bodyOf(spool, id)).equals(body), `${id} is as it was sent`).toBe(true);
  }
  const lost = [...waiting.keys()].filter((id) => !stored.has(id));
  const back = [...delivered].filter((id) => stored.has(id));
  const damage = news.of('spoolDamaged');
  if (lost.length + back.length > 0) expect(damage, `told of what is lost (${lost}) or back (${back})`).not.toEqual([]);

  const there = [...stored.keys()];
  const fresh: QueueId[] = [];
  for (let at = 0; at < 4; at++) fresh.push((await put(spool, seededRandom(at).bytes(octets), envelope(), 'other')) as QueueId);
  expect(fresh.join()).not.toMatch(/full|failed/);
  const [passing] = fresh.splice(0, 1);
  if (passing !== undefined) spool.remove(passing);
  await clock.advance(2_000);
  expect(news.of('spoolFailed')).toEqual([]);
  await spool.close();
  const next = disk.kill();
  const again = await testSpool(next);
  expect([...again.stored.keys()].sort(), 'what was there, and what came, is there').toEqual([...there, ...fresh].sort());
  await again.spool.close();
  return { lost, back, damage, disk: next };
}
