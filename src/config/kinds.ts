// The kinds of value that variables have: each reads a text and gives a typed value, or a sentence that says what is
// wrong. They are valibot's schemas; what is particular to this relay is written here. A sentence quotes a value only
// where no password can stand in it: see `shown`.

import { BlockList, isIP } from 'node:net';
import * as v from 'valibot';
import { type Mailbox, parseMailbox } from '../smtp/address.ts';
import type { ListenAddress } from '../vocabulary/endpoint.ts';
import { type Allowed, familyOf, type Network } from '../vocabulary/network.ts';
import type { ServiceAccountKey } from '../vocabulary/oauth-account.ts';
import { type DeviceUser, parsePhc, type Secret } from '../vocabulary/password.ts';
import type { Rate } from '../vocabulary/rate.ts';
import type { UpstreamUrl } from '../vocabulary/upstream-target.ts';

/** Reads a variable's text; the first issue's message completes "VARIABLE: ...". */
export type Kind<T> = v.GenericSchema<string, T>;

/**
 * A kind from a function that returns the value or throws InvalidValue. Blanks at both ends of the text are ignored.
 */
function kind<T>(read: (text: string) => T): Kind<T> {
  return verbatim((text) => read(text.trim()));
}

/** The same for a value that may begin or end with a blank. */
function verbatim<T>(read: (text: string) => T): Kind<T> {
  return v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return read(dataset.value);
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error;
        addIssue({ message: error.message });
        return NEVER;
      }
    }),
  );
}

/** Its message is what is wrong with the value. */
class InvalidValue extends Error {}

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
const DURATION_UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };

function measure(text: string, units: Readonly<Record<string, number>>, what: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)\s*([A-Za-z]*)$/.exec(text);
  const unit = units[match?.[2] ?? '-'];
  if (match === null || unit === undefined)
    throw new InvalidValue(
      `${shown(text)} is no ${what}; its unit is ${Object.keys(units)
        .filter((one) => one !== '')
        .join(', ')}`,
    );
  return Math.round(Number(match[1]) * unit);
}

/**
 * How a sentence names `value`: in quotes when it is a short word, since that shows best what is wrong. What has a
 * colon or an at sign in it may be a user and a password that were meant for another variable, and a long text may be
 * a key.
 */
const shown = (value: string) => (/^[^:@]{0,40}$/.test(value) ? JSON.stringify(value) : 'the value');

/** A size such as `64MiB`, in octets; at least `min` of them. */
export const size = (min: number): Kind<number> =>
  v.pipe(
    kind((text) => measure(text, SIZE_UNITS, 'size')),
    v.minValue(min, `less than ${min} octets is too small`),
  );

/** A duration such as `90s`, in milliseconds; at least `min` of them. */
export const duration = (min: number): Kind<number> =>
  v.pipe(
    kind((text) => measure(text, DURATION_UNITS, 'duration')),
    v.minValue(min, `less than ${min / 1000} s is too short`),
  );

/** A whole number from `min` to `max`. */
export const count = (min: number, max: number): Kind<number> =>
  kind((text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidValue(`${shown(text)} is no whole number from ${min} to ${max}`);
    return value;
  });

/** One of these words, in either case. */
export const oneOf = <const T extends string>(...words: readonly T[]): Kind<T> =>
  kind((text) => {
    const word = words.find((one) => one === text.toLowerCase());
    if (word === undefined) throw new InvalidValue(`${shown(text)} is none of ${words.join(', ')}`);
    return word;
  });

/** Any text that is not empty. */
export const text: Kind<string> = kind((value) => {
  if (value === '') throw new InvalidValue('it is empty');
  return value;
});

/** A password; blanks are part of it. */
export const password: Kind<string> = verbatim((value) => {
  if (value === '') throw new InvalidValue('it is empty');
  return value;
});

/** A path that begins with a slash. */
export const absolutePath: Kind<string> = kind((value) => {
  if (!value.startsWith('/')) throw new InvalidValue(`${shown(value)} is no absolute path`);
  return value;
});

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*$/;

/** A host name, not an address (RFC 1123, section 2.1, and underscores). */
export const hostname: Kind<string> = kind((value) => {
  if (!HOST_NAME.test(value) || isIP(value) !== 0) throw new InvalidValue(`${shown(value)} is no host name`);
  return value;
});

type Entry = { readonly text: string; readonly shown: string };

/**
 * The entries of a list, without empty ones. `shown` is how a sentence names one: by its place where the whole list
 * has a colon or an at sign in it, since a password with a comma is two entries.
 */
function list(value: string): readonly Entry[] {
  const entries = value.split(',').map((one) => one.trim());
  return entries.filter((text) => text !== '').map((text, at) => ({ text, shown: /[:@]/.test(value) ? `entry ${at + 1}` : shown(text) }));
}

/** Addresses and ports to bind, separated by commas; at least one. */
export const listenAddresses: Kind<readonly ListenAddress[]> = kind((value) => {
  const addresses = list(value).map(({ text: one, shown: name }) => {
    const match = /^(?:smtps?:\/\/)?(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})$/i.exec(one);
    const host = match?.[1] ?? match?.[2] ?? '';
    const port = Number(match?.[3] ?? Number.NaN);
    if (isIP(host) === 0 || !(port <= 65_535))
      throw new InvalidValue(`${name} is no address:port or smtps://address:port; an IPv6 address stands in brackets`);
    return { host, port, tls: /^smtps:/i.test(one) };
  });
  if (addresses.length === 0) throw new InvalidValue('no address is given');
  return addresses;
});

/** Networks in CIDR notation and the words `lan` and `gateway`, separated by commas. */
export const allowed: Kind<Allowed> = kind((value) => {
  const entries = list(value);
  const has = (word: string) => entries.some(({ text }) => text.toLowerCase() === word);
  return {
    networks: entries.filter(({ text }) => !/^(?:lan|gateway)$/i.test(text)).map(readNetwork),
    lan: has('lan'),
    gateway: has('gateway'),
  };
});

function readNetwork({ text, shown: name }: Entry): Network {
  const [address = '', bits, ...rest] = text.toLowerCase().split('/');
  const family = familyOf(address);
  const most = family === 'ipv6' ? 128 : 32;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (isIP(address) === 0 || !(prefix <= most) || rest.length > 0) throw new InvalidValue(`${name} is no network`);
  new BlockList().addSubnet(address, prefix, family);
  return { address, prefix, family };
}

const SCHEMES: Readonly<Record<string, { readonly security: UpstreamUrl['security']; readonly port: number }>> = {
  'smtp:': { security: 'starttls', port: 587 },
  'smtps:': { security: 'tls', port: 465 },
  'smtp+plain:': { security: 'plain', port: 25 },
};

/**
 * URLs separated by commas, at least one; a comma that no URL follows separates the senders of one. Its messages never
 * quote a URL's user or password.
 */
export const upstreams: Kind<readonly UpstreamUrl[]> = kind((value) => {
  const urls = value
    .split(/,(?=\s*smtp(?:s|\+plain)?:\/\/)/i)
    .map((one) => one.trim().replace(/,$/, ''))
    .filter((one) => one !== '')
    .map(readUpstream);
  if (urls.length === 0) throw new InvalidValue('no upstream is given');
  return urls;
});

const FROM = '?from=';

function readUpstream(value: string): UpstreamUrl {
  const from = value.indexOf(FROM);
  const url = from < 0 ? value : value.slice(0, from);
  const match = /^([a-z+]+:)\/\/(?:([^@]*)@)?(\[[^\]]+\]|[^:/?#@[\]]+)(?::(\d{1,5}))?\/?$/i.exec(url);
  const scheme = SCHEMES[(match?.[1] ?? '').toLowerCase()];
  // Another word than "from", or capitals: what stands before the next @ is no user.
  const isMistyped = /\?[a-z]+=/i.test(match?.[2] ?? '');
  if (match === null || scheme === undefined || isMistyped)
    throw new InvalidValue(
      'not of the form smtp://user:password@host:587, or smtp://user:password@host?from=@example.org,cam@lan; in a password, @ : / % and , are written as %40 %3A %2F %25 %2C',
    );
  const host = (match[3] ?? '').replace(/^\[|\]$/g, '');
  const port = match[4] === undefined ? scheme.port : Number(match[4]);
  if (isIP(host) === 0 && !HOST_NAME.test(host)) throw new InvalidValue('the host is no host name or address');
  if (port < 1 || port > 65_535) throw new InvalidValue('the port is not from 1 to 65535');
  const senders = from < 0 ? {} : { senders: readSenders(value.slice(from + FROM.length)) };
  return { security: scheme.security, host, port, credentials: readUserInfo(match[2]), ...senders };
}

function readSenders(value: string): readonly string[] {
  const senders = list(value).map(readPattern);
  if (senders.length === 0) throw new InvalidValue('nobody stands behind ?from=; for example ?from=@example.org,cam@lan');
  return senders;
}

function readUserInfo(userInfo: string | undefined): UpstreamUrl['credentials'] {
  if (userInfo === undefined || userInfo === '') return undefined;
  const colon = userInfo.indexOf(':');
  try {
    const username = decodeURIComponent(colon < 0 ? userInfo : userInfo.slice(0, colon));
    return { username, password: colon < 0 ? '' : decodeURIComponent(userInfo.slice(colon + 1)) };
  } catch {
    throw new InvalidValue('the user or password has a % that is not followed by two hexadecimal digits; a % itself is written %25');
  }
}

/** PEM with at least one certificate. */
export const certificates: Kind<string> = kind((value) => {
  if (!value.includes('-----BEGIN CERTIFICATE-----')) throw new InvalidValue('no PEM certificate is in it');
  return value;
});

/** PEM with an unencrypted private key. */
export const privateKey: Kind<string> = kind((value) => {
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(value)) throw new InvalidValue('no unencrypted PEM private key is in it');
  return value;
});

const KEY_FILE = v.object({ client_email: v.string(), private_key: v.string(), private_key_id: v.optional(v.string()) });

/** The JSON key file of one of Google's service accounts. Its messages never quote the value. */
export const serviceAccountKey: Kind<ServiceAccountKey> = kind((value) => {
  const file = v.safeParse(v.pipe(v.string(), v.parseJson(), KEY_FILE), value);
  if (!file.success || !file.output.private_key.includes('PRIVATE KEY-----'))
    throw new InvalidValue('is no JSON key file of a service account, with client_email and private_key in it');
  const { client_email: email, private_key: privateKey, private_key_id: keyId } = file.output;
  return { email, privateKey, keyId };
});

// Characters of base64 that 24 random octets have.
const SHORTEST_SEAL = 32;

/** A random text to derive a key from. Its messages never quote the value. */
export const sealKey: Kind<string> = kind((value) => {
  if (value.length < SHORTEST_SEAL)
    throw new InvalidValue(`has less than ${SHORTEST_SEAL} characters; "openssl rand -base64 32" makes one`);
  return value;
});

/** A rate such as `30/m`: per second, minute, hour or day. */
export const rate: Kind<Rate> = kind((value) => {
  const match = /^(\d{1,6})\s*\/\s*([smhd])$/.exec(value);
  const per = DURATION_UNITS[match?.[2] ?? ''];
  const number = Number(match?.[1] ?? 0);
  if (per === undefined || number < 1) throw new InvalidValue(`${shown(value)} is no rate`);
  return { count: number, per };
});

/** An address with a domain, with or without angle brackets. */
export const mailbox: Kind<Mailbox> = kind((value) => {
  const parsed = parseMailbox(value.replace(/^<(.*)>$/, '$1'), { utf8: true });
  if (typeof parsed === 'string' || parsed.domain === '') throw new InvalidValue(`${shown(value)} is no address`);
  return parsed;
});

/** Patterns of addresses separated by commas: `a@b`, `@domain`, `*` for anything, `<>` for the null reverse-path. */
export const addressPatterns: Kind<readonly string[]> = kind((value) => list(value).map(readPattern));

function readPattern({ text, shown: name }: Entry): string {
  if (text !== '<>' && (!/^[^\s<>]*$/.test(text) || !(text.includes('@') || text.includes('*'))))
    throw new InvalidValue(`${name} is no address, @domain or * pattern, nor <> for mail without a sender`);
  return text;
}

/** Lines of user:password, at least one, and comments that begin with #. Its messages never quote the value. */
export const deviceUsers: Kind<readonly DeviceUser[]> = verbatim((value) => {
  const lines = value.split(/\r?\n/).map((line) => line.trimStart()); // a password may end with a blank
  const users = lines.flatMap((line, at) => (line === '' || line.startsWith('#') ? [] : [readUser(line, at + 1)]));
  if (users.length === 0) throw new InvalidValue('no user:password line is in it');
  if (new Set(users.map(({ name }) => name)).size < users.length) throw new InvalidValue('a user is named twice');
  return users;
});

function readUser(line: string, number: number): DeviceUser {
  const colon = line.indexOf(':');
  if (colon < 1 || colon === line.length - 1) throw new InvalidValue(`line ${number} is not user:password`);
  const password = line.slice(colon + 1);
  return { name: line.slice(0, colon), secret: password.startsWith('$') ? readHash(password, number) : { kind: 'plain', password } };
}

function readHash(text: string, line: number): Secret {
  const hash = parsePhc(text);
  if (hash === undefined)
    throw new InvalidValue(`the password in line ${line} is no hash that is understood here; "gatepost hash-password" makes one`);
  return hash;
}

/** The base64 SHA-256 of a public key. */
export const pin: Kind<string> = kind((value) => {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(value)) throw new InvalidValue(`${shown(value)} is no base64 SHA-256`);
  return value;
});
