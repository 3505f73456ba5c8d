// SCRAM-SHA-256 (RFC 5802 with the hash of RFC 7677), without channel binding, the client's side alone. Neither
// side sends the password, and the server has to prove that it knows it: an acceptance without that proof is refused.

import { createHash, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { printableJson } from '../printable.ts';
import { EMPTY, type Mechanism } from './mechanism.ts';

// The server decides how much work the key costs. Nobody asks for more iterations than this who means well; RFC 7677,
// section 4, speaks of 15,000.
const MOST_ITERATIONS = 1_000_000;
// RFC 7677, section 4: with fewer, whoever has seen the exchange guesses passwords quickly.
const FEWEST_ITERATIONS = 4_096;
// Octets of the server's text that are quoted in a sentence.
const LONGEST_QUOTED = 200;

const UNPROVEN = 'the server accepted the login without proving that it knows the password';

/** The strongest: the password is not sent, and the server proves that it knows it. */
export const SCRAM_SHA_256 = {
  name: 'SCRAM-SHA-256',
  strength: 4,
  client: {
    clientFirst: true,
    async *start({ username, password }, nonce) {
      const own = nonce().toString('base64url');
      const first = `n=${escaped(username)},r=${own}`;
      const challenge = yield Buffer.from(`n,,${first}`);
      if (challenge === 'accepted') return UNPROVEN;
      const offer = readOffer(challenge.toString('utf8'), own);
      if (typeof offer === 'string') return offer;
      const salted = await deriveKey(password.normalize('NFKC'), offer.salt, offer.iterations, 32, 'sha256');
      const last = `c=biws,r=${offer.nonce}`;
      const signed = `${first},${offer.text},${last}`;
      const verdict = yield Buffer.from(`${last},p=${clientProof(salted, signed)}`);
      if (verdict === 'accepted') return UNPROVEN;
      const final = verdict.toString('utf8');
      if (final.split(',')[0] !== `v=${serverSignature(salted, signed)}`)
        return `the server does not know the password: ${printableJson(final.slice(0, LONGEST_QUOTED))}`;
      yield EMPTY;
      return undefined;
    },
  },
} as const satisfies Mechanism;

/**
 * SASLprep (RFC 4013) without its tables of forbidden characters: what the server forbids it refuses itself. Then
 * RFC 5802's escapes.
 */
const escaped = (username: string) => username.normalize('NFKC').replaceAll('=', '=3D').replaceAll(',', '=2C');

type Offer = { readonly text: string; readonly nonce: string; readonly salt: Buffer; readonly iterations: number };

/**
 * The server's first message (RFC 5802, section 7), whose nonce must go on from our `own`; or a sentence that says
 * what is wrong with it.
 */
function readOffer(text: string, own: string): Offer | string {
  const match = /^r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9]\d{0,9})(?:,|$)/.exec(text);
  const [, nonce = '', salt = '', digits = ''] = match ?? [];
  const iterations = Number(digits);
  if (match === null || !nonce.startsWith(own) || nonce === own || iterations > MOST_ITERATIONS)
    return `the server's SCRAM challenge makes no sense: ${printableJson(text.slice(0, LONGEST_QUOTED))}`;
  if (iterations < FEWEST_ITERATIONS)
    return (
      `the server wants a SCRAM key of ${iterations} iterations, and ${FEWEST_ITERATIONS} are the least that protect a password; ` +
      'GATEPOST_UPSTREAM_AUTH=plain logs in without SCRAM'
    );
  return { text, nonce, salt: Buffer.from(salt, 'base64'), iterations };
}

const deriveKey = promisify(pbkdf2);

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** RFC 5802, section 3: ClientKey XOR ClientSignature, in base64. */
function clientProof(salted: Buffer, signed: string): string {
  const clientKey = hmac(salted, 'Client Key');
  const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
  return Buffer.from(clientKey.map((octet, at) => octet ^ (signature[at] ?? 0))).toString('base64');
}

/** RFC 5802, section 3: ServerSignature, in base64. */
const serverSignature = (salted: Buffer, signed: string) => hmac(hmac(salted, 'Server Key'), signed).toString('base64');
