// SASL mechanisms (RFC 4954 carries them) as generators, so that who drives the exchange knows none of
// them. A client yields its responses and is sent the challenges, both decoded.

import { createHash, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { printableJson } from './printable.ts';

export type Credentials = { readonly username: string; readonly password: string };

const EMPTY = Buffer.alloc(0);

/**
 * Yields responses; `next(challenge)` resumes it, `next('accepted')` once the server has said so. What it
 * returns is why the exchange must not go on, or why the acceptance is worth nothing; undefined when all is well.
 */
export type SaslClient = AsyncGenerator<Buffer, string | undefined, Buffer | 'accepted'>;

export type ClientMechanism = {
  readonly name: string;
  /** Whether the first response goes with the AUTH command; else the server's first challenge is waited for. */
  readonly clientFirst: boolean;
  /** `nonce`: octets that never repeat, for mechanisms that need them. */
  start(credentials: Credentials, nonce: () => Buffer): SaslClient;
};

/** RFC 4616. */
export const PLAIN: ClientMechanism = {
  name: 'PLAIN',
  clientFirst: true,
  async *start({ username, password }) {
    yield Buffer.from(`\0${username}\0${password}`);
    return undefined;
  },
};

/** Never standardised; what Microsoft's servers offer: asks for the name, then the password. */
export const LOGIN: ClientMechanism = {
  name: 'LOGIN',
  clientFirst: false,
  async *start({ username, password }) {
    yield EMPTY; // for nobody: resumed by the first challenge
    yield Buffer.from(username);
    yield Buffer.from(password);
    return undefined;
  },
};

/** RFC 2195: the server's challenge, keyed with the password. */
export const CRAM_MD5: ClientMechanism = {
  name: 'CRAM-MD5',
  clientFirst: false,
  async *start({ username, password }) {
    const challenge = yield EMPTY; // for nobody: resumed by the challenge
    if (challenge === 'accepted') return undefined;
    yield Buffer.from(`${username} ${createHmac('md5', password).update(challenge).digest('hex')}`);
    return undefined;
  },
};

// A server decides how much work the key costs; one that asks for more than this means no good. With fewer than RFC 7677,
// section 4, wants, whoever has seen the exchange guesses passwords quickly.
const MOST_ITERATIONS = 1_000_000;
const FEWEST_ITERATIONS = 4_096;

/**
 * RFC 5802 with the hash of RFC 7677, without channel binding. Neither side learns the password, and the
 * server has to prove that it knows it: an acceptance without that proof is refused.
 */
export const SCRAM_SHA_256: ClientMechanism = {
  name: 'SCRAM-SHA-256',
  clientFirst: true,
  async *start({ username, password }, nonce) {
    const own = nonce().toString('base64url');
    // SASLprep (RFC 4013) but for its tables of forbidden characters: what the server refuses it refuses.
    const first = `n=${username.normalize('NFKC').replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${own}`;
    const challenge = yield Buffer.from(`n,,${first}`);
    if (challenge === 'accepted') return UNPROVEN;
    const offer = challenge.toString('utf8');
    const match = /^r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9]\d{0,9})(?:,|$)/.exec(offer);
    const [, both = '', salt = '', iterations = ''] = match ?? [];
    if (match === null || !both.startsWith(own) || both === own || Number(iterations) > MOST_ITERATIONS)
      return `the server's SCRAM challenge makes no sense: ${printableJson(offer.slice(0, 200))}`;
    if (Number(iterations) < FEWEST_ITERATIONS)
      return `the server wants a SCRAM key of ${iterations} iterations, and ${FEWEST_ITERATIONS} are the least that protect a password; GATEPOST_UPSTREAM_AUTH=plain logs in without SCRAM`;
    const salted = await deriveKey(password.normalize('NFKC'), Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const last = `c=biws,r=${both}`;
    const signed = `${first},${offer},${last}`;
    const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
    const proof = clientKey.map((octet, at) => octet ^ (signature[at] ?? 0));
    const verdict = yield Buffer.from(`${last},p=${Buffer.from(proof).toString('base64')}`);
    if (verdict === 'accepted') return UNPROVEN;
    const expected = `v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}`;
    if (verdict.toString('utf8').split(',')[0] !== expected)
      return `the server does not know the password: ${printableJson(verdict.toString('utf8').slice(0, 200))}`;
    yield EMPTY;
    return undefined;
  },
};

const UNPROVEN = 'the server accepted the login without proving that it knows the password';

const deriveKey = promisify(pbkdf2);

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** What a device claims at the end of an exchange, still to be checked against what is known of the user. */
export type Claim =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'cram-md5'; readonly username: string; readonly challenge: Buffer; readonly digest: string };

/** Yields challenges and is sent the responses; ends with a claim, or undefined when a response is malformed. */
export type SaslServer = Generator<Buffer, Claim | undefined, Buffer>;

export type ServerMechanism = {
  readonly name: string;
  /** Whether the client may speak first; else an initial response is an error (RFC 4954, section 4). */
  readonly clientFirst: boolean;
  /** `challenge`: octets that never repeat, for mechanisms that need them. */
  start(challenge: () => Buffer): SaslServer;
};

export const SERVER_MECHANISMS: readonly ServerMechanism[] = [
  {
    name: 'PLAIN',
    clientFirst: true,
    *start() {
      const [, username, password, ...more] = (yield EMPTY).toString('utf8').split('\0');
      if (username === undefined || username === '' || password === undefined || more.length > 0) return undefined;
      return { kind: 'password', username, password };
    },
  },
  {
    name: 'LOGIN',
    clientFirst: true,
    *start() {
      const username = (yield Buffer.from('Username:')).toString('utf8');
      const password = (yield Buffer.from('Password:')).toString('utf8');
      return username === '' ? undefined : { kind: 'password', username, password };
    },
  },
  {
    // RFC 2195
    name: 'CRAM-MD5',
    clientFirst: false,
    *start(challenge) {
      const sent = challenge();
      const response = (yield sent).toString('utf8');
      const match = /^(.+) ([0-9a-f]{32})$/i.exec(response);
      if (match === null) return undefined;
      return { kind: 'cram-md5', username: match[1] ?? '', challenge: sent, digest: (match[2] ?? '').toLowerCase() };
    },
  },
];
