// The refresh token of one account on the flash: a file of its own, for its owner alone. A new one is written to a new
// file, synced, renamed over the old one, and the folder synced: at any moment one of both is there, whole.

import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { Disk, DiskFile } from '../system/disk.ts';
import { codeOf } from '../system/problem.ts';
import type { OAuthAccount } from '../vocabulary/oauth-account.ts';
import { lost } from './failure.ts';
import type { Seal } from './seal.ts';

/** What a login left: the refresh token, and the board's date at the login, in ms since 1970. */
export type Authorization = { readonly refreshToken: string; readonly since: number };

/** A place on the flash for a refresh token that is still to come. */
export type Reservation = {
  /** Puts the authorization there, in place of the stored one; it is on the flash when this resolves. */
  commit(authorization: Authorization): Promise<void>;
  /** Gives the place up. */
  abandon(): Promise<void>;
};

const LARGEST_FILE = 64 * 1024;
// Octets that are written before a token is asked for. Tokens have two thousand at most.
const RESERVED = 4096;

const RECORD = v.object({ refreshToken: v.pipe(v.string(), v.minLength(1)), since: v.number() });
const FILE = v.union([v.object({ sealed: v.string() }), RECORD]);

type StoreParts = {
  readonly disk: Disk;
  readonly account: Pick<OAuthAccount, 'host' | 'username'>;
  /** Undefined to store in plain. */
  readonly seal: Seal | undefined;
};

/** Where one account's authorization is kept. */
export class AuthorizationStore {
  /** The file's name, which tells nothing of the account. */
  readonly name: string;
  readonly #disk: Disk;
  readonly #seal: Seal | undefined;
  readonly #context: string;

  constructor({ disk, account, seal }: StoreParts) {
    this.#disk = disk;
    this.#seal = seal;
    this.#context = `${account.host.toLowerCase()} ${account.username}`;
    this.name = `${createHash('sha256').update(this.#context).digest('hex').slice(0, 16)}.json`;
  }

  /** What is stored; undefined for nothing. Rejects with TokenFailed when it is unusable, or with the disk's error. */
  async load(): Promise<Authorization | undefined> {
    const text = await this.#read();
    return text === undefined ? undefined : this.#parse(text);
  }

  /** Stores it, in place of what is stored; it is on the flash when this resolves. Rejects with the disk's error. */
  async save(authorization: Authorization): Promise<void> {
    const reserved = await this.reserve();
    await reserved.commit(authorization);
  }

  /** Writes a new file of blanks, so that what comes later will find room. Rejects with the disk's error. */
  async reserve(): Promise<Reservation> {
    const fresh = `${this.name}.new`;
    await this.#removeIfThere(fresh); // a process may have been killed here
    const file = await this.#disk.create(fresh);
    const fill = async (text: string) => {
      await file.writev([Buffer.from(text.padEnd(RESERVED))], 0);
      await file.datasync();
    };
    const abandon = async () => {
      await file.close();
      await this.#removeIfThere(fresh);
    };
    try {
      await fill('');
    } catch (error) {
      await abandon().catch(() => {}); // why it could not be written says more
      throw error;
    }
    return {
      commit: async (authorization) => {
        await fill(this.#format(authorization));
        await file.close();
        await this.#disk.rename(fresh, this.name);
        await this.#disk.syncDirectory();
      },
      abandon,
    };
  }

  /** Removes what is stored, if there is anything. */
  async remove(): Promise<void> {
    await this.#removeIfThere(this.name);
    await this.#disk.syncDirectory();
  }

  async #removeIfThere(name: string): Promise<void> {
    await this.#disk.remove(name).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
  }

  async #read(): Promise<string | undefined> {
    const names = await this.#disk.list();
    if (!names.includes(this.name)) return undefined;
    const file = await this.#disk.open(this.name);
    try {
      return await textOf(file);
    } finally {
      await file.close();
    }
  }

  #format({ refreshToken, since }: Authorization): string {
    const record = JSON.stringify({ refreshToken, since });
    return this.#seal === undefined ? record : JSON.stringify({ sealed: this.#seal.close(record, this.#context) });
  }

  #parse(text: string): Authorization {
    const file = parse(FILE, text);
    if (file === undefined) throw unreadable('is damaged');
    if (!('sealed' in file)) return file;
    if (this.#seal === undefined) throw unreadable('is sealed, and GATEPOST_OAUTH_SEAL is not given');
    const record = parse(RECORD, this.#seal.open(file.sealed, this.#context) ?? '');
    if (record === undefined) throw unreadable('was sealed with another GATEPOST_OAUTH_SEAL, or is damaged');
    return record;
  }
}

async function textOf(file: DiskFile): Promise<string> {
  const octets = Buffer.alloc(Math.min(await file.size(), LARGEST_FILE));
  return octets.subarray(0, await file.read(octets, 0)).toString('utf8');
}

function parse<T>(schema: v.GenericSchema<unknown, T>, text: string): T | undefined {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined; // not JSON
  }
}

const unreadable = (why: string) => lost(`the stored authorization ${why}`, 'log in again: gatepost oauth login');
