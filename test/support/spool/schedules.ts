// Random schedules of use, power cut, recovery, use, power cut ...: what was acknowledged is there, whole and once;
// what was removed and synced does not come back; a power cut is never reported as damage. The spool under test is
// passed in, so that a test can show that broken ones (mutants) are caught.

import { expect } from 'vitest';
import { MANIFEST } from '../../../src/spool/manifest.ts';
import { placesOf } from '../../../src/spool/messages.ts';
import { recover } from '../../../src/spool/recover.ts';
import { footprint } from '../../../src/spool/space.ts';
import type { openSpool } from '../../../src/spool/spool.ts';
import type { QueueId } from '../../../src/vocabulary/queue-id.ts';
import { formatQueueId } from '../../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../fakes/clock.ts';
import { type PowerLosingDisk, powerLosingDisk } from '../fakes/disk.ts';
import { type SeededRandom, seededRandom } from '../fakes/random.ts';
import { filesOf } from './rest.ts';
import { bodyOf, envelope, longEnvelope, segmentsOn, testSpool } from './spool.ts';

/** What a run of schedules can be varied by. */
export type Subject = {
  readonly open: typeof openSpool;
  /** Puts something between the spool and its disk. */
  readonly wrap?: (disk: PowerLosingDisk) => PowerLosingDisk;
};

type Model = {
  /** Acknowledged and not removed: must be there. */
  readonly kept: Map<QueueId, Buffer>;
  /** Removed, the removal perhaps not yet synced: may be there. */
  readonly removed: Map<QueueId, Buffer>;
  /** Removed and synced: must not be there. */
  readonly gone: Set<QueueId>;
  /** Begun and not acknowledged: may be there, whole. */
  readonly begun: Map<QueueId, Buffer>;
  /**
   * Kept after a cut though removed or refused before: its `done` may stand in a generation that was given up, which
   * holds only where there is no manifest.
   */
  readonly back: Set<QueueId>;
};

const model = (): Model => ({ kept: new Map(), removed: new Map(), gone: new Set(), begun: new Map(), back: new Set() });

/**
 * `extra` decides what was added to the schedules later, so that `random` still gives the same schedule for an old
 * seed.
 */
type Chances = { readonly random: SeededRandom; readonly extra: SeededRandom };

/** Uses the spool on `disk` until the power goes; what must hold afterwards is in `expected`. */
async function useUntilCut(disk: PowerLosingDisk, { random, extra }: Chances, expected: Model, subject: Subject): Promise<PowerLosingDisk> {
  const clock = fakeClock();
  let operationsLeft = 5 + random.below(120);
  let crashed: PowerLosingDisk | undefined;
  let mayFail = true;
  disk.onOperation = (operation) => {
    operationsLeft -= 1;
    if (operationsLeft === 0) crashed = disk.crash(random);
    if (crashed !== undefined) throw Object.assign(new Error('no power'), { code: 'EIO' });
    if (mayFail && (operation === 'datasync' || operation === 'writev') && random.below(30) === 0)
      throw Object.assign(new Error('a bad card'), { code: 'EIO' });
  };
  const opened = await testSpool(subject.wrap?.(disk) ?? disk, { clock, random, open: subject.open }).catch(() => undefined);
  if (opened === undefined) return crashed ?? disk.crash(random);
  const { spool } = opened;

  const send = async () => {
    const body = random.bytes(random.below(3) === 0 ? random.below(90_000) : random.below(6_000));
    const draft = spool.draft(body.length, `device-${random.below(3)}`);
    for (let at = 0; at < body.length && crashed === undefined; at += 20_000) {
      expected.begun.set(draft.id, body);
      if ((await draft.write(body.subarray(at, at + 20_000))) !== 'taken') return draft.abandon();
    }
    if (random.below(8) === 0) return draft.abandon();
    expected.begun.set(draft.id, body);
    const recipients = extra.below(6) === 0 ? extra.below(40) : 0;
    if ((await draft.commit(recipients === 0 ? envelope() : longEnvelope(recipients))) === 'stored' && crashed === undefined) {
      expected.begun.delete(draft.id);
      expected.kept.set(draft.id, body);
    }
  };
  const remove = () => {
    const ids = [...expected.kept.keys()];
    const id = ids[random.below(ids.length)];
    if (id === undefined) return;
    const body = expected.kept.get(id);
    if (body !== undefined) expected.removed.set(id, body);
    expected.kept.delete(id);
    spool.remove(id);
  };
  /** A deferral that settles nobody: outcome frames must neither harm nor keep a message. */
  const note = async () => {
    const ids = [...expected.kept.keys()];
    const id = ids[random.below(ids.length)];
    if (id !== undefined) await spool.record(id, [], { attempts: random.below(5), warned: false }).catch(() => {});
  };
  const letOutcomesSync = async () => {
    const before = [...expected.removed.keys()];
    mayFail = false;
    await clock.advance(11_500); // outcomes wait longer after a failure
    // A message that is stored now is written after them.
    await send();
    if (crashed !== undefined) return;
    await spool.close().catch(() => {});
    if (crashed !== undefined) return;
    for (const id of before) {
      expected.removed.delete(id);
      expected.gone.add(id);
    }
  };

  for (let step = 0; step < 40 && crashed === undefined; step++) {
    switch (random.below(5)) {
      case 0:
        await Promise.all([send(), send(), send()]);
        break;
      case 1:
        remove();
        break;
      case 2:
        await note();
        await clock.advance(random.below(1_200));
        break;
      default:
        await send();
    }
  }
  if (crashed === undefined)
    expect(spool.status().held, 'the space accounting is exact').toBe(await heldOnDisk(disk, new Set(expected.kept.keys())));
  if (crashed === undefined && random.below(2) === 0) await letOutcomesSync();
  return crashed ?? disk.crash(random);
}

/** What these messages count for, computed from the bodies and commits on the disk. */
async function heldOnDisk(disk: PowerLosingDisk, ids: ReadonlySet<QueueId>): Promise<number> {
  const { messages } = await recover(powerLosingDisk(await filesOf(disk)));
  let held = 0;
  for (const message of messages.values()) {
    if (!ids.has(formatQueueId(message.number))) continue;
    const octets = placesOf(message).reduce((sum, { size }) => sum + size, 0);
    const counted = footprint(message.octets, message.commit.size);
    expect(counted, 'no octet is on the flash that is not counted').toBeGreaterThanOrEqual(octets);
    held += counted;
  }
  return held;
}

async function verify(disk: PowerLosingDisk, expected: Model, random: SeededRandom, subject: Subject): Promise<void> {
  disk.onOperation = () => {};
  await verifyWithoutManifest(disk, expected, subject);
  const { spool, stored, news } = await testSpool(subject.wrap?.(disk) ?? disk, { random, open: subject.open });
  expect(news.of('spoolDamaged'), 'a power cut is not damage').toEqual([]);
  for (const [id, body] of expected.kept) {
    expect(stored.has(id), `acknowledged ${id} is there`).toBe(true);
    expect((await bodyOf(spool, id)).equals(body), `${id} is whole`).toBe(true);
  }
  for (const id of stored.keys()) {
    expect(expected.gone.has(id), `removed ${id} stays away`).toBe(false);
    const body = expected.kept.get(id) ?? expected.removed.get(id) ?? expected.begun.get(id);
    expect(body, `${id} was sent at all`).toBeDefined();
    expect((await bodyOf(spool, id)).equals(body ?? Buffer.alloc(0)), `${id} is whole`).toBe(true);
    // From now on it counts as acknowledged.
    if (!expected.kept.has(id)) expected.back.add(id);
    if (body !== undefined) expected.kept.set(id, body);
    expected.removed.delete(id);
  }
  expect(spool.status().held, 'the space accounting is exact after recovery').toBe(await heldOnDisk(disk, new Set(stored.keys())));
  for (const id of expected.removed.keys()) expected.gone.add(id);
  expected.removed.clear();
  expected.begun.clear();
}

/**
 * The manifest may be lost: that is reported if it was ever there, and after a power cut its absence alone loses
 * nothing, and brings nothing back.
 */
async function verifyWithoutManifest(disk: PowerLosingDisk, expected: Model, subject: Subject): Promise<void> {
  const files = new Map<string, Buffer>();
  for (const name of await segmentsOn(disk)) files.set(name, disk.contents(name));
  const { spool, stored, news } = await testSpool(powerLosingDisk(files), { open: subject.open });
  // Drafts are named beside it as mail that may be lost.
  const others = news.of('spoolDamaged').filter(({ segment, lost }) => segment !== MANIFEST && (segment !== 'all' || lost.length > 0));
  expect(others, 'without a manifest a power cut is not damage').toEqual([]);
  for (const [id, body] of expected.kept) {
    if (stored.has(id)) expect((await bodyOf(spool, id)).equals(body), `${id} is whole without a manifest`).toBe(true);
    else expect(expected.back.has(id), `acknowledged ${id} is there without a manifest`).toBe(true);
  }
  for (const id of stored.keys()) expect(expected.gone.has(id), `removed ${id} stays away without a manifest`).toBe(false);
}

/** Recovers from a power cut, and the power is cut again during that or right after it, a random number of times. */
async function cutDuringRecovery(disk: PowerLosingDisk, { extra }: Chances, subject: Subject): Promise<PowerLosingDisk> {
  let nested = disk;
  while (extra.below(2) === 0) {
    let operationsLeft = 1 + extra.below(30);
    let crashed: PowerLosingDisk | undefined;
    nested.onOperation = () => {
      operationsLeft -= 1;
      if (operationsLeft === 0) crashed = nested.crash(extra);
      if (crashed !== undefined) throw Object.assign(new Error('no power'), { code: 'EIO' });
    };
    await testSpool(subject.wrap?.(nested) ?? nested, { random: extra, open: subject.open }).catch(() => undefined);
    nested = crashed ?? nested.crash(extra);
  }
  return nested;
}

/** One schedule of four power cuts, and more during their recoveries; rejects with what did not hold. */
export async function runSchedule(seed: number, subject: Subject): Promise<void> {
  const chances = { random: seededRandom(seed), extra: seededRandom(~seed) };
  const expected = model();
  let disk = powerLosingDisk();
  for (let cut = 0; cut < 4; cut++) {
    disk = await useUntilCut(disk, chances, expected, subject);
    disk = await cutDuringRecovery(disk, chances, subject);
    await verify(disk, expected, chances.random, subject);
    disk = disk.crash(chances.random); // right after the recovery, too
  }
}
