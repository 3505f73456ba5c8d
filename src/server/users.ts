// Devices that log in: who is known, and whether a claim is true. Passwords are compared in constant time, and an
// unknown user takes as long as a wrong password. One check runs at a time, since scrypt takes memory; an address that
// is wrong again and again has to wait.

import { createHash, createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import type { Claim } from '../smtp/sasl/mechanism.ts';
import { SERVER_MECHANISMS, type ServerMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Clock } from '../system/clock.ts';
import { type DeviceUser, formatPhc, type Secret } from '../vocabulary/password.ts';
import { LoginGuard } from './login-guard.ts';

/** Decides on logins. */
export interface Authenticator {
  /** Those that can succeed. */
  readonly mechanisms: readonly ServerMechanism[];
  /** Whether mail is accepted only from devices that have logged in. */
  readonly isRequired: boolean;
  /** Whether every claim is true, so that nothing that a device sends in an exchange is malformed. */
  readonly isLenient: boolean;
  /**
   * Whether the claim that came from this address is true. `pause` waits so many ms before it is looked at; when it
   * rejects, so does the check.
   */
  check(claim: Claim, address: string, pause: (milliseconds: number) => Promise<void>): Promise<boolean>;
}

const NOBODY: Authenticator = { mechanisms: [], isRequired: false, isLenient: false, check: async () => false };
const ANYBODY: Authenticator = {
  mechanisms: SERVER_MECHANISMS,
  isRequired: false,
  isLenient: true,
  check: async () => true,
};

/**
 * Who may log in: nobody (`off`), anybody with any password (`any`), or the given users, who then must (`required`).
 */
export function createAuthenticator(
  mode: 'off' | 'any' | 'required',
  users: readonly DeviceUser[],
  clock: Pick<Clock, 'now'>,
): Authenticator {
  if (mode === 'required') return new KnownUsers(users, clock);
  return mode === 'any' ? ANYBODY : NOBODY;
}

class KnownUsers implements Authenticator {
  readonly isRequired = true;
  readonly isLenient = false;
  readonly mechanisms: readonly ServerMechanism[];
  readonly #guard: LoginGuard;
  readonly #verify: (claim: Claim) => Promise<boolean>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(users: readonly DeviceUser[], clock: Pick<Clock, 'now'>) {
    const hasPlain = users.some(({ secret }) => secret.kind === 'plain');
    this.mechanisms = SERVER_MECHANISMS.filter(({ needsPassword }) => hasPlain || !needsPassword);
    this.#guard = new LoginGuard(clock);
    this.#verify = verifier(users);
  }

  check(claim: Claim, address: string, pause: (milliseconds: number) => Promise<void>): Promise<boolean> {
    return this.#guard.inTurn(address, async () => {
      await pause(this.#guard.waitOf(address));
      const isRight = await this.#verifyAlone(claim);
      if (isRight) this.#guard.right(address);
      else this.#guard.wrong(address);
      return isRight;
    });
  }

  #verifyAlone(claim: Claim): Promise<boolean> {
    const result = this.#last.then(() => this.#verify(claim));
    this.#last = result.catch(() => {});
    return result;
  }
}

/** The check takes as long for an unknown name as for a known one, so that names can't be found by measuring. */
function verifier(users: readonly DeviceUser[]): (claim: Claim) => Promise<boolean> {
  const secrets = new Map(users.map(({ name, secret }) => [name, secret]));
  const hashed = users.find(({ secret }) => secret.kind === 'scrypt')?.secret;
  const unknown: Secret = { kind: 'plain', password: randomBytes(16).toString('hex') };
  return async (claim) => {
    const secret = secrets.get(claim.username);
    const compared = secret ?? unknown;
    if (claim.kind === 'cram-md5') return isDigest(compared, claim) && secret !== undefined;
    // Where some passwords are hashed, a plain one, and that of an unknown user, must cost a hash, too.
    if (compared.kind === 'plain' && hashed !== undefined) await isPassword(hashed, claim.password);
    return (await isPassword(compared, claim.password)) && secret !== undefined;
  };
}

async function isPassword(secret: Secret, password: string): Promise<boolean> {
  if (secret.kind === 'plain') return isSame(secret.password, password);
  return isSame(secret.hash, await derive(password, secret.salt, secret.hash.length, { N: 2 ** secret.logN, r: secret.r, p: secret.p }));
}

function isDigest(secret: Secret, claim: Extract<Claim, { kind: 'cram-md5' }>): boolean {
  if (secret.kind !== 'plain') return false;
  return isSame(createHmac('md5', secret.password).update(claim.challenge).digest('hex'), claim.digest);
}

/** Compares in constant time, whatever the lengths. */
function isSame(one: string | Buffer, other: string | Buffer): boolean {
  const digest = (value: string | Buffer) => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(one), digest(other));
}

function derive(password: string, salt: Buffer, length: number, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, { ...options, maxmem: 256 * 1024 * 1024 }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

// 2^12: 4 MiB, and some 20 ms on a desktop computer or 200 ms on a Raspberry Pi.
const LOG_N = 12;

/** The PHC string of a password, hashed by scrypt (RFC 7914) with a fresh salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, 32, { N: 2 ** LOG_N, r: 8, p: 1 });
  return formatPhc({ kind: 'scrypt', logN: LOG_N, r: 8, p: 1, salt, hash });
}
