// The test of the test: spools that are broken in one way each must be caught, by the generations of a segment or by
// the schedules. Broken disks stand between the spool and the real one; broken code is a copy of src with one passage
// changed. A file of src that is quoted here says so at its top.

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { openSpool } from '../../src/spool/spool.ts';
import type { DiskFile } from '../../src/system/disk.ts';
import type { PowerLosingDisk } from '../support/fakes/disk.ts';
import { runGenerations } from '../support/spool/generations.ts';
import { runSchedule, type Subject } from '../support/spool/schedules.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MUTANTS = `${ROOT}dist/mutants/`;
afterAll(() => rmSync(MUTANTS, { recursive: true, force: true }));

const MOST = 1_000;

/** What failed first: the generations of a segment, or the schedule of a seed; undefined when nothing does. */
async function caughtBy(subject: Subject): Promise<'generations' | number | undefined> {
  if (await fails(() => runGenerations(subject))) return 'generations';
  for (let seed = 1; seed <= MOST; seed++) if (await fails(() => runSchedule(seed, subject))) return seed;
  return undefined;
}

const fails = (run: () => Promise<void>) =>
  run().then(
    () => false,
    () => true,
  );

/** The disk with `change` made to each of its files. */
const withFiles = (change: (file: DiskFile) => DiskFile) => (disk: PowerLosingDisk) =>
  Object.assign(Object.create(disk) as PowerLosingDisk, {
    open: async (name: string) => change(await disk.open(name)),
    create: async (name: string) => change(await disk.create(name)),
  });

const BROKEN_DISKS: readonly (readonly [string, (disk: PowerLosingDisk) => PowerLosingDisk])[] = [
  ['no sync', withFiles((file) => ({ ...file, datasync: async () => {} }))],
  ['no directory sync', (disk) => Object.assign(Object.create(disk) as PowerLosingDisk, { syncDirectory: async () => {} })],
];

test.each(BROKEN_DISKS)('%s is caught', { timeout: 300_000 }, async (_name, wrap) => {
  expect(await caughtBy({ open: openSpool, wrap })).toBeDefined();
});

const BROKEN_CODE: readonly (readonly [string, string, string, string])[] = [
  ['no CRC', 'spool/frame.ts', 'if (crc32c(octets.subarray(at + 4, end), seed) !== octets.readUInt32LE(at)) return undefined;', ''],
  ['no generation in the CRC', 'spool/header.ts', 'return crc32c(octets, crc32c(nonce));', 'return 0 * octets.length * nonce.length;'],
  ['frames sharing pages', 'spool/segment.ts', 'const padded = toPages(octets);', 'const padded = octets + 0 * toPages(octets);'],
  ['a dropped done', 'spool/removal.ts', "kind: 'done', number: entry.number", "kind: 'done', number: 0 * entry.number"],
  ['a segment reused early', 'spool/segment.ts', 'this.#live > 0', 'this.#live > 9_000'],
  [
    'freed segments in the wrong order',
    'spool/ring.ts',
    'this.#free.push(...this.#ring.splice(',
    'this.#free.unshift(...this.#ring.splice(',
  ],
  [
    'a sync retried after EIO',
    'spool/segment.ts',
    'const end = this.#end;\n    await this.#file.datasync();',
    'const end = this.#end;\n    await this.#file.datasync().catch(() => this.#file.datasync());',
  ],
  [
    'a header that is not synced before the first frame',
    'spool/segment.ts',
    'await this.#file.writev([page], this.#lastPage);\n    await this.#file.datasync();',
    'await this.#file.writev([page], this.#lastPage);',
  ],
  ['a manifest that is not synced', 'spool/manifest.ts', 'await old.datasync();', ''],
  ['a manifest that is not renamed into place durably', 'spool/manifest.ts', 'await disk.syncDirectory();', ''],
  ['a file used again while the manifest names its generation', 'spool/ring.ts', 'manifest.mayName(used.generation)', 'used.isDamaged'],
  [
    'a generation given up that the manifest brings back',
    'spool/ring.ts',
    'manifest.write({ newest: this.#generation,',
    'manifest.write({ newest: this.#ring.at(-1)?.generation ?? 0,',
  ],
  ['an acknowledgement before the sync', 'spool/draft.ts', 'const commit = log.appendDurable(', 'const commit = log.append('],
];

test.each(BROKEN_CODE)('%s is caught', { timeout: 300_000 }, async (name, file, passage, broken) => {
  const folder = `${MUTANTS}${name.replaceAll(' ', '-')}/`;
  cpSync(`${ROOT}src`, folder, { recursive: true });
  const original = readFileSync(`${folder}${file}`, 'utf8');
  expect(original.split(passage), 'the passage stands there once').toHaveLength(2);
  writeFileSync(`${folder}${file}`, original.replace(passage, broken));
  const mutant = (await import(/* @vite-ignore */ `${folder}spool/spool.ts`)) as { openSpool: typeof openSpool };
  expect(await caughtBy({ open: mutant.openSpool })).toBeDefined();
});
