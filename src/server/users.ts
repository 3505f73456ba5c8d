// Devices that log in: who is known, and whether a claim is true. Compared in constant time; a user that
// is not known costs as much as a wrong password. One check at a time, since scrypt takes memory; who is
// wrong again and again waits.

import { createHash, createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import type { Claim } from '../smtp/sasl/mechanism.ts';
import { SERVER_MECHANISMS } from '../smtp/sasl/mechanisms.ts';
import type { Clock } from '../system/clock.ts';
import { type DeviceUser, formatPhc, type Secret } from '../vocabulary/password.ts';
import { LoginGuard } from './login-guard.ts';

export interface Authenticator {
  /** Names of mechanisms that can succeed. */
  readonly mechanisms: readonly string[];
  readonly isRequired: boolean;
  /** Believes everybody, whatever they send: then nothing a device sends is malformed. */
  readonly isLenient: boolean;
  /** How long the address has to wait before its next claim is looked at, in ms. */
  waitOf(address: string): number;
  /** Whether the claim of that address is true. */
  check(claim: Claim, address: string): Promise<boolean>;
}

const ALL = SERVER_MECHANISMS.map(({ name }) => name);
const WITHOUT_PASSWORD = SERVER_MECHANISMS.filter(({ needsPassword }) => !needsPassword).map(({ name }) => name);

/** `any` believes everybody. With `required`, CRAM-MD5 is there only if a password is known in plain: a hash can't answer its challenge. */
export function createAuthenticator(
  mode: 'off' | 'any' | 'required',
  users: readonly DeviceUser[],
  clock: Pick<Clock, 'now'>,
): Authenticator {
  const nobody = { isRequired: false, isLenient: false, waitOf: () => 0 };
  if (mode === 'off') return { ...nobody, mechanisms: [], check: async () => false };
  if (mode === 'any') return { ...nobody, mechanisms: ALL, isLenient: true, check: async () => true };
  const guard = new LoginGuard(clock);
  const hasPlain = users.some(({ secret }) => secret.kind === 'plain');
  const verify = verifier(users);
  let last: Promise<unknown> = Promise.resolve();
  return {
    mechanisms: hasPlain ? ALL : WITHOUT_PASSWORD,
    isRequired: true,
    isLenient: false,
    waitOf: (address) => guard.waitOf(address),
    async check(claim, address) {
      const result = last.then(() => verify(claim));
      last = result.catch(() => {});
      const isRight = await result;
      if (isRight) guard.right(address);
      else guard.wrong(address);
      return isRight;
    },
  };
}

/** Takes as long for a name that is not there as for one that is, so that guessing names is no easier. */
function verifier(users: readonly DeviceUser[]): (claim: Claim) => Promise<boolean> {
  const secrets = new Map(users.map(({ name, secret }) => [name, secret]));
  const hashed = users.find(({ secret }) => secret.kind === 'scrypt')?.secret;
  const nobodys: Secret = { kind: 'plain', password: randomBytes(16).toString('hex') };
  return async (claim) => {
    const secret = secrets.get(claim.username);
    const compared = secret ?? nobodys;
    if (claim.kind === 'cram-md5') return isDigest(compared, claim) && secret !== undefined;
    // Where some passwords are hashed, a plain one and one that is not there cost a hash, too.
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

/** Equal in constant time, whatever the lengths. */
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

// 4 MiB and some 20 ms on a desk, 200 ms on a Pi.
const LOG_N = 12;

/** A PHC string of scrypt with a fresh salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, 32, { N: 2 ** LOG_N, r: 8, p: 1 });
  return formatPhc({ kind: 'scrypt', logN: LOG_N, r: 8, p: 1, salt, hash });
}
