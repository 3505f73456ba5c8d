// What may happen to whole files: segments that are gone, cut off, copied, renamed, or whose header is wrong; and the
// manifest. A loss is always reported, and mail goes on.

import { describe, expect, test } from 'vitest';
import { crc32c } from '../../src/spool/crc32c.ts';
import { PAGE } from '../../src/spool/frame.ts';
import { decodeHeader } from '../../src/spool/header.ts';
import { MANIFEST, readManifest } from '../../src/spool/manifest.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import type { Remains } from '../support/spool/generations.ts';
import { type AtRest, aftermathOf, atRest, filesOf } from '../support/spool/rest.ts';
import { put, segmentsOn, testSpool } from '../support/spool/spool.ts';

const generationIn = (octets: Buffer) => decodeHeader(octets.subarray(0, PAGE))?.generation ?? 0;

/** Segments by age. */
function segments(files: Remains): readonly string[] {
  const names = [...files.keys()].filter((name) => name.endsWith('.segment'));
  const generation = (name: string) => generationIn(files.get(name) ?? Buffer.alloc(PAGE));
  return names.sort((one, other) => generation(one) - generation(other));
}

const TARGETS: Readonly<Record<string, (names: readonly string[]) => readonly string[]>> = {
  oldest: (names) => names.slice(0, 1),
  middle: (names) => names.slice(2, 3),
  newest: (names) => names.slice(-1),
  all: (names) => names,
};

/** What becomes of one file; undefined removes it. */
type Change = (octets: Buffer) => Buffer | undefined;

const LOSSES: Readonly<Record<string, Change>> = {
  deleted: () => undefined,
  'of zero length': () => Buffer.alloc(0),
  'cut to half': (octets) => octets.subarray(0, octets.length / 2),
  'cut to a quarter': (octets) => octets.subarray(0, octets.length / 4),
  'cut by one octet': (octets) => octets.subarray(0, octets.length - 1),
  'of zeros': (octets) => Buffer.alloc(octets.length),
};
const HARMLESS: Readonly<Record<string, Change>> = {
  'with one octet more': (octets) => Buffer.concat([octets, Buffer.of(7)]),
  'with another page': (octets) => Buffer.concat([octets, Buffer.alloc(PAGE, 7)]),
};

function changed(files: Remains, names: readonly string[], change: Change): Remains {
  const after = new Map(files);
  for (const name of names) {
    const octets = change(files.get(name) ?? Buffer.alloc(0));
    after.delete(name);
    if (octets !== undefined) after.set(name, octets);
  }
  return after;
}

/** The header with another generation in every sector, as if it had always been so. */
const withGeneration = (generation: bigint) => (octets: Buffer) => {
  const after = Buffer.from(octets);
  for (const page of [0, after.length - PAGE]) {
    for (let at = page; at < page + PAGE; at += 512) {
      const sector = after.subarray(at, at + 512);
      sector.writeBigUInt64LE(generation, 16);
      sector.writeUInt32LE(crc32c(sector.subarray(4)), 0);
    }
  }
  return after;
};

/** Each kind of spool, and a segment of it. */
const cases = Object.entries(TARGETS).flatMap(([target, choose]) => [
  { target, choose, end: 'stopped' as const, messages: 10 },
  { target, choose, end: 'killed' as const, messages: 10 },
]);
const ONLY = { target: 'only', choose: TARGETS['all'] ?? (() => []), end: 'killed' as const, messages: 2 };

const SEGMENTS_OF_TEN = 5;

const spools = new Map<string, Promise<AtRest>>();
function spoolOf({ messages, end }: { messages: number; end: 'stopped' | 'killed' }): Promise<AtRest> {
  const key = `${messages} ${end}`;
  const made = spools.get(key) ?? atRest(messages, 20_000, end);
  spools.set(key, made);
  return made;
}

describe.each([...cases, ONLY])('of a spool that was $end, the $target segment', (which) => {
  test.each(Object.entries(LOSSES))('%s: it is reported, also when no mail was in it', async (_how, change) => {
    const rest = await spoolOf(which);
    const names = segments(rest.files);
    expect(names.length).toBe(which.messages === 2 ? 1 : SEGMENTS_OF_TEN);
    const { damage } = await aftermathOf(changed(rest.files, which.choose(names), change), rest);
    expect(damage).not.toEqual([]);
  });

  test.each(Object.entries(HARMLESS))('%s: nothing is lost, and nothing reported', async (_how, change) => {
    const rest = await spoolOf(which);
    const { lost, back, damage } = await aftermathOf(changed(rest.files, which.choose(segments(rest.files)), change), rest);
    expect({ lost, back, damage }).toEqual({ lost: [], back: [], damage: [] });
  });

  test.each([
    ['a thousand', (generation: number) => BigInt(generation + 1_000)],
    ['2^40', (generation: number) => BigInt(2 ** 40 + generation)],
    ['all that fit', (generation: number) => 2n ** 64n - 100n + BigInt(generation)],
  ])('with a generation that is ahead by %s: it is reported', async (_how, ahead) => {
    const rest = await spoolOf(which);
    const change = (octets: Buffer) => withGeneration(ahead(generationIn(octets)))(octets);
    const { damage } = await aftermathOf(changed(rest.files, which.choose(segments(rest.files)), change), rest);
    expect(damage).not.toEqual([]);
  });

  test('copied under another name: nothing is lost, nothing comes back', async () => {
    const rest = await spoolOf(which);
    const after = new Map(rest.files);
    for (const [at, name] of which.choose(segments(rest.files)).entries())
      after.set(`00010${at}.segment`, rest.files.get(name) ?? Buffer.of());
    const { lost, back, damage } = await aftermathOf(after, rest);
    expect({ lost, back, damage }).toEqual({ lost: [], back: [], damage: [] });
  });

  test('under another name: nothing is lost, nothing comes back', async () => {
    const rest = await spoolOf(which);
    const names = which.choose(segments(rest.files));
    const after = new Map(
      [...rest.files].map(([name, octets]) => [names.includes(name) ? `00010${names.indexOf(name)}.segment` : name, octets]),
    );
    const { lost, back, damage } = await aftermathOf(after, rest);
    expect({ lost, back, damage }).toEqual({ lost: [], back: [], damage: [] });
  });

  test('gone, and back at the start after next: its mail is delivered after all', async () => {
    const rest = await spoolOf(which);
    const names = which.choose(segments(rest.files));
    const { disk, lost } = await aftermathOf(
      changed(rest.files, names, () => undefined),
      rest,
    );
    const after = new Map(await filesOf(disk));
    // Under other names, since theirs may be in use by now.
    for (const [at, name] of names.entries()) after.set(`00010${at}.segment`, rest.files.get(name) ?? Buffer.of());
    const { stored, news } = await testSpool(powerLosingDisk(after));
    for (const id of lost) expect(stored.has(id)).toBe(true);
    expect(news.of('spoolDamaged').map(({ segment }) => segment)).toEqual(names.map((_, at) => `00010${at}.segment`));
  });
});

test('one segment copied over another: what was in that one is reported as missing', async () => {
  const rest = await spoolOf({ messages: 10, end: 'stopped' });
  const [oldest = '', , middle = ''] = segments(rest.files);
  const { damage } = await aftermathOf(new Map(rest.files).set(middle, rest.files.get(oldest) ?? Buffer.of()), rest);
  expect(damage).toMatchObject([{ segment: middle }, {}].slice(0, damage.length));
});

test('an old copy of a segment, whose messages were delivered since: they stay away', async () => {
  const disk = powerLosingDisk();
  const clock = fakeClock();
  const { spool } = await testSpool(disk, { clock });
  const id = (await put(spool, Buffer.alloc(100))) as QueueId;
  const [name = ''] = await segmentsOn(disk);
  const copy = Buffer.from(disk.contents(name));
  spool.remove(id);
  // More than the spool holds, so that the `done` has been overwritten.
  for (let at = 0; at < 20; at++) {
    await clock.advance(2_000);
    spool.remove((await put(spool, Buffer.alloc(20_000))) as QueueId);
  }
  await spool.close();
  const { stored, news } = await testSpool(powerLosingDisk(new Map(await filesOf(disk)).set('000100.segment', copy)));
  expect([...stored.keys()]).not.toContain(id);
  expect(news.of('spoolDamaged')).toEqual([]);
});

describe('the manifest', () => {
  test.each<readonly [string, Change, RegExp | undefined]>([
    ['deleted', () => undefined, /the manifest is not there; whether all segments are there is not known/],
    ['of zero length', () => Buffer.alloc(0), /neither of its pages is whole/],
    ['cut to half', (octets) => octets.subarray(0, PAGE), undefined],
    ['of zeros', (octets) => Buffer.alloc(octets.length), /neither of its pages is whole/],
    ['of other things', () => Buffer.from('hello'), /neither of its pages is whole/],
  ])('%s: nothing is lost, and it is made anew', async (_how, change, problem) => {
    const rest = await spoolOf({ messages: 10, end: 'killed' });
    const { lost, back, damage, disk } = await aftermathOf(changed(rest.files, [MANIFEST], change), rest);
    expect({ lost, back }).toEqual({ lost: [], back: [] });
    // What is left may be the newer page, or the older.
    if (problem !== undefined) expect(damage).toMatchObject([{ segment: MANIFEST, problem: expect.stringMatching(problem) }]);
    expect(damage.every(({ segment }) => segment === MANIFEST)).toBe(true);
    expect(await readManifest(disk)).toMatchObject({ state: 'read' });
  });

  test('deleted with the newest segment: that is reported', async () => {
    const rest = await spoolOf({ messages: 10, end: 'stopped' });
    const [newest = ''] = segments(rest.files).slice(-1);
    const { damage } = await aftermathOf(
      changed(rest.files, [MANIFEST, newest], () => undefined),
      rest,
    );
    expect(damage).toMatchObject([{ segment: MANIFEST, problem: expect.stringMatching(/the manifest is not there/) }]);
  });

  test('whose newest page is lost: that is reported, and nothing else', async () => {
    const rest = await spoolOf({ messages: 10, end: 'killed' });
    const octets = Buffer.from(rest.files.get(MANIFEST) ?? Buffer.of());
    const sequences = [0, PAGE].map((page) => octets.readUInt32LE(page + 16));
    octets.writeUInt8(0xff, (sequences[0] ?? 0) > (sequences[1] ?? 0) ? 100 : PAGE + 100);
    const { lost, back, damage } = await aftermathOf(new Map(rest.files).set(MANIFEST, octets), rest);
    expect({ lost, back }).toEqual({ lost: [], back: [] });
    expect(damage).toMatchObject([{ segment: MANIFEST, problem: expect.stringMatching(/newest page is lost/) }]);
  });

  test('of a newer format is refused, and nothing is touched', async () => {
    const rest = await spoolOf({ messages: 2, end: 'stopped' });
    const octets = Buffer.from(rest.files.get(MANIFEST) ?? Buffer.of());
    for (const page of [octets.subarray(0, PAGE), octets.subarray(PAGE)]) {
      page.writeUInt16LE(2, 12);
      page.writeUInt32LE(crc32c(page.subarray(4)), 0);
    }
    await expect(testSpool(powerLosingDisk(new Map(rest.files).set(MANIFEST, octets)))).rejects.toThrow(/format 2 by a newer release/);
  });
});
