// How the relay knows a device's password: in plain, or as a PHC string of scrypt (RFC 7914), such as
// `$scrypt$ln=12,r=8,p=1$salt$hash` with base64 that has no padding. Pure; the hash is derived in server/users.ts.

/** A scrypt hash with the parameters that it was derived with; N is 2^`logN`. */
type ScryptHash = {
  readonly kind: 'scrypt';
  readonly logN: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
};

/** A password in plain, or its hash. */
export type Secret = { readonly kind: 'plain'; readonly password: string } | ScryptHash;

/** A device that may log in. */
export type DeviceUser = { readonly name: string; readonly secret: Secret };

const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
// 2^15 x 8 takes 32 MiB at each login; a small board has no more memory to spare.
const MOST_LOG_N = 15;
const R = 8;
const MOST_P = 4;

/** Reads a PHC string; undefined when it is none, or when it needs more memory or time than a small board has. */
export function parsePhc(text: string): ScryptHash | undefined {
  const [, ln = '', r = '', p = '', salt = '', hash = ''] = PHC.exec(text) ?? [];
  const isFit = Number(ln) >= 1 && Number(ln) <= MOST_LOG_N && Number(r) === R && Number(p) >= 1 && Number(p) <= MOST_P;
  if (!isFit) return undefined;
  return {
    kind: 'scrypt',
    logN: Number(ln),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

/** The PHC string of a hash. */
export function formatPhc({ logN, r, p, salt, hash }: ScryptHash): string {
  return `$scrypt$ln=${logN},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
}

const unpadded = (octets: Buffer) => octets.toString('base64').replace(/={0,2}$/, '');
