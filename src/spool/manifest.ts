// The manifest: the one file beside the segments. It lists the generations that must be there, so that a segment that
// is gone, or a folder whose segments are all gone, does not look as if it had never held mail.
//
// A generation is listed once its header is on the flash, and before its first frame is written. It is taken off the
// list before its file is overwritten, renamed or removed. So a listed generation that is not there is damage, and one
// that is not listed is over, whatever its file still holds.
//
// There are two pages, written in turn, each with a whole list: a torn write leaves the list before it.
//
// test/spool/mutants.test.ts quotes passages of this file.

import * as v from 'valibot';
import type { Disk, DiskFile } from '../system/disk.ts';
import { crc32c } from './crc32c.ts';
import { PAGE, readNumber, writeNumber } from './frame.ts';
import { NewerFormat } from './header.ts';
import type { Ownership } from './ownership.ts';
import { decodeJson } from './records.ts';

/** The file's name. */
export const MANIFEST = 'spool.manifest';

/** A generation and the name of its segment. */
export type ListedGeneration = { readonly generation: number; readonly name: string };

/** What the manifest says. */
export type GenerationList = {
  /** The highest generation that was begun so far: one up to it that is not listed is over. */
  readonly newest: number;
  /**
   * The highest generation that a release without manifest has begun, as far as is known. A higher one of such a
   * release was begun after this list.
   */
  readonly newestOfOlder: number;
  /** Those that must be there. */
  readonly listed: readonly ListedGeneration[];
  /** Generations that once were missing, the latest only: if one turns up again, it is not over. */
  readonly missing: readonly number[];
};

/**
 * What was found in the manifest's place. `run` names the run of the relay that wrote it, unless an older release did;
 * `problem` is a clause for people.
 */
export type FoundManifest =
  | { readonly state: 'read'; readonly sequence: number; readonly run: string | undefined; readonly list: GenerationList }
  | { readonly state: 'absent' }
  | { readonly state: 'unreadable'; readonly problem: string };

const MAGIC = Buffer.from('MANIFEST');
const VERSION = 1;
const JSON_AT = 24;
/**
 * So many missing generations are listed at most: more do not fit the page, and nobody expects so many to come back.
 */
export const MOST_MISSING = 64;

const ListJson = v.object({
  newest: v.number(),
  newestOfOlder: v.number(),
  missing: v.array(v.number()),
  lives: v.array(v.tuple([v.number(), v.string()])),
  run: v.exactOptional(v.string()),
});

// A page: u32 CRC of the rest | magic 8 | u16 version | u16 octets of JSON | u64 sequence | JSON. All numbers are
// little-endian. `lives` holds the listed generations, each as [generation, name];
// `run` names the run of the relay that wrote it.
function encodePage(sequence: number, run: string, { newest, newestOfOlder, missing, listed }: GenerationList): Buffer {
  const list: v.InferInput<typeof ListJson> = {
    newest,
    newestOfOlder,
    missing: [...missing],
    lives: listed.map(({ generation, name }) => [generation, name]),
    run,
  };
  const json = Buffer.from(JSON.stringify(list));
  if (json.length > PAGE - JSON_AT) throw new Error(`the spool's manifest takes ${json.length} octets, more than ${PAGE - JSON_AT}`);
  const page = Buffer.alloc(PAGE);
  MAGIC.copy(page, 4);
  page.writeUInt16LE(VERSION, 12);
  page.writeUInt16LE(json.length, 14);
  writeNumber(page, sequence, 16);
  json.copy(page, JSON_AT);
  page.writeUInt32LE(crc32c(page.subarray(4)), 0);
  return page;
}

type Page = Omit<Extract<FoundManifest, { readonly state: 'read' }>, 'state'>;

function decodePage(page: Buffer): Page | undefined {
  if (!page.subarray(4, 12).equals(MAGIC) || crc32c(page.subarray(4)) !== page.readUInt32LE(0)) return undefined;
  const version = page.readUInt16LE(12);
  if (version > VERSION) throw new NewerFormat(version);
  const json = page.subarray(JSON_AT, JSON_AT + page.readUInt16LE(14));
  const { lives, run, ...rest } = decodeJson('the manifest', ListJson, json);
  return { sequence: readNumber(page, 16), run, list: { ...rest, listed: lives.map(([generation, name]) => ({ generation, name })) } };
}

/** Reads the newer of the two lists. Throws NewerFormat, and EACCES or EPERM, which the folder's owner must mend. */
export async function readManifest(disk: Disk): Promise<FoundManifest> {
  const pages = Buffer.alloc(2 * PAGE);
  try {
    const file = await disk.open(MANIFEST);
    try {
      await file.read(pages, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ENOENT') return { state: 'absent' };
    if (code === 'EACCES' || code === 'EPERM') throw error;
    return { state: 'unreadable', problem: error instanceof Error ? error.message : String(error) };
  }
  const [one, other] = [decodePage(pages.subarray(0, PAGE)), decodePage(pages.subarray(PAGE))];
  const newer = one === undefined || (other !== undefined && other.sequence > one.sequence) ? other : one;
  return newer === undefined ? { state: 'unreadable', problem: 'neither of its pages is whole' } : { state: 'read', ...newer };
}

type ManifestParts = {
  readonly disk: Disk;
  /** As recovery found it. */
  readonly found: FoundManifest;
  /** Tells this run of the relay from all others, of any relay. */
  readonly run: string;
  readonly ownership: Ownership;
};

/** The manifest for writing. */
export class Manifest {
  readonly #disk: Disk;
  readonly #found: FoundManifest;
  readonly #run: string;
  readonly #ownership: Ownership;
  #file: DiskFile | undefined;
  #sequence: number;
  // Generations that a list names which may be on the flash.
  #named: Set<number>;
  #isUnreadable: boolean;

  private constructor({ disk, found, run, ownership }: ManifestParts, file: DiskFile | undefined) {
    this.#disk = disk;
    this.#found = found;
    this.#run = run;
    this.#ownership = ownership;
    this.#file = file;
    this.#sequence = found.state === 'read' ? found.sequence : 0;
    this.#named = new Set(found.state === 'read' ? found.list.listed.map(({ generation }) => generation) : []);
    this.#isUnreadable = found.state === 'unreadable';
  }

  /**
   * The manifest as it was found. A list that a killed process had only written is synced, since it may be
   * acted on. Rejects with what the disk says.
   */
  static async open(parts: ManifestParts): Promise<Manifest> {
    if (parts.found.state !== 'read') return new Manifest(parts, undefined);
    const file = await parts.disk.open(MANIFEST);
    await file.datasync();
    return new Manifest(parts, file);
  }

  /** Whether a list that may be on the flash says that this generation must be there. */
  mayName(generation: number): boolean {
    return this.#named.has(generation);
  }

  /** Whether the file was removed or replaced while the relay runs; false when that can't be found out. */
  async isGone(): Promise<boolean> {
    return this.#file !== undefined && !(await this.#file.isAt(MANIFEST).catch(() => true));
  }

  /** The next write makes a new file. */
  async renew(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /**
   * Puts a new list on the flash. Rejects with Ousted, and nothing is written, when another run has written its own.
   * After any other rejection either list may be there, and the next write makes a new file, because a failed sync is
   * never repeated. A manifest that can't be read is set aside first, for someone to look at.
   */
  async write(list: GenerationList): Promise<void> {
    await this.#refuseOther();
    const generations = list.listed.map(({ generation }) => generation);
    this.#sequence += 1;
    const page = encodePage(this.#sequence, this.#run, list);
    for (const generation of generations) this.#named.add(generation);
    if (this.#isUnreadable) await this.#disk.rename(MANIFEST, freeName(await this.#disk.list(), `${MANIFEST}.damaged`));
    this.#isUnreadable = false;
    if (this.#file === undefined) this.#file = await makeFile(this.#disk, this.#sequence % 2 === 0 ? [page, ZERO_PAGE] : [ZERO_PAGE, page]);
    else await this.#writeInto(this.#file, page);
    this.#named = new Set(generations);
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** A list that is neither this run's nor what recovery found, or older, is another writer's. */
  async #refuseOther(): Promise<void> {
    const there = await readManifest(this.#disk).catch((error: unknown) => {
      if (error instanceof NewerFormat) throw this.#ownership.lose('a newer release has written the manifest');
      return undefined;
    });
    if (there?.state !== 'read' || there.run === this.#run) return;
    const found = this.#found;
    const isFound = found.state === 'read' && there.run === found.run && there.sequence <= found.sequence;
    if (!isFound) throw this.#ownership.lose('it has written the manifest');
  }

  async #writeInto(old: DiskFile, page: Buffer): Promise<void> {
    try {
      await old.writev([page], (this.#sequence % 2) * PAGE);
      await old.datasync();
    } catch (error) {
      this.#file = undefined;
      await old.close();
      throw error;
    }
  }
}

const ZERO_PAGE = Buffer.alloc(PAGE);

/** The manifest as a new file that takes the place of an old one, or of none, in one step. */
async function makeFile(disk: Disk, pages: readonly Buffer[]): Promise<DiskFile> {
  const there = await disk.list();
  const name = `${MANIFEST}.new`;
  // A power cut may have left it from an earlier attempt. If it can't be removed, because it is no file, another name
  // will do.
  if (there.includes(name)) await disk.remove(name).catch(() => {});
  const free = freeName(await disk.list(), name);
  const file = await disk.create(free);
  try {
    await file.writev(pages, 0);
    await file.datasync();
    await disk.rename(free, MANIFEST);
    await disk.syncDirectory();
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

/** `name`, or the first of `name-1`, `name-2` ... under which nothing stands. */
function freeName(there: readonly string[], name: string): string {
  let free = name;
  for (let number = 1; there.includes(free); number++) free = `${name}-${number}`;
  return free;
}
