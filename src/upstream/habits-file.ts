// What was learned of the upstreams, kept over a restart: one small file of JSON beside the spool's segments. The
// header of a segment has room for some hundred octets, which as many upstreams as anybody likes could not share, and a
// file that is lost or spoilt costs no mail: all of it is learned again. It is written only when something was learned,
// some times in a year.

import * as v from 'valibot';
import type { Disk } from '../system/disk.ts';
import type { LearnedHabits } from './habits.ts';

const NAME = 'upstreams.json';
const NEXT_NAME = `${NAME}.new`;
// Octets. Larger than anything that is written here: another program has made it.
const LARGEST = 65_536;

const Content = v.record(v.string(), v.record(v.string(), v.number()));

/** The habits of all upstreams, by the name of each, `host:port`. */
export class HabitsFile {
  readonly #disk: Disk;
  readonly #fault: (error: unknown) => void;
  readonly #all: Map<string, LearnedHabits>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(disk: Disk, fault: (error: unknown) => void, all: Map<string, LearnedHabits>) {
    this.#disk = disk;
    this.#fault = fault;
    this.#all = all;
  }

  /**
   * Reads the file of `disk`; without one, or where it can't be understood, nothing is known. `fault` gets failures to
   * write.
   */
  static async open(disk: Disk, fault: (error: unknown) => void): Promise<HabitsFile> {
    return new HabitsFile(disk, fault, new Map(Object.entries(await read(disk))));
  }

  /** What is known of this upstream. */
  of(upstream: string): LearnedHabits {
    return this.#all.get(upstream) ?? {};
  }

  /** Keeps what is known of this upstream. */
  keep(upstream: string, habits: LearnedHabits): void {
    this.#all.set(upstream, habits);
    this.#writing = this.#writing.then(() => this.#write()).catch(this.#fault);
  }

  /** Resolves when all is written. */
  close(): Promise<void> {
    return this.#writing;
  }

  /** A power cut leaves the old file or the new one. */
  async #write(): Promise<void> {
    await this.#disk.remove(NEXT_NAME).catch(() => {}); // one that a power cut has left, if any
    const file = await this.#disk.create(NEXT_NAME);
    try {
      await file.writev([Buffer.from(JSON.stringify(Object.fromEntries(this.#all)))], 0);
      await file.datasync();
    } finally {
      await file.close();
    }
    await this.#disk.rename(NEXT_NAME, NAME);
    await this.#disk.syncDirectory();
  }
}

async function read(disk: Disk): Promise<Readonly<Record<string, LearnedHabits>>> {
  try {
    const file = await disk.open(NAME);
    try {
      const octets = Buffer.alloc(Math.min(await file.size(), LARGEST));
      const length = await file.read(octets, 0);
      return v.parse(Content, JSON.parse(octets.subarray(0, length).toString('utf8')));
    } finally {
      await file.close();
    }
  } catch {
    return {}; // there is none, or it says nothing
  }
}
