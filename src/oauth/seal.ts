// AES-256-GCM over what is stored, with a key that the owner keeps elsewhere: a stolen card alone gives nothing. The
// owner's text is random (GATEPOST_OAUTH_SEAL is checked for its length), so that HKDF is enough (RFC 5869).

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { Random } from '../system/random.ts';

const NONCE_OCTETS = 12;
const TAG_OCTETS = 16;

/** Seals and opens texts. `context` names what the text is for: under another one it can't be opened. */
export class Seal {
  readonly #key: Buffer;
  readonly #random: Random;

  /** `secret`: the owner's text. */
  constructor(secret: string, random: Random) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'gatepost oauth', 32));
    this.#random = random;
  }

  /** The text under the seal, in base64. */
  close(text: string, context: string): string {
    const nonce = this.#random.bytes(NONCE_OCTETS);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(context));
    const octets = [cipher.update(text, 'utf8'), cipher.final()];
    return Buffer.concat([nonce, cipher.getAuthTag(), ...octets]).toString('base64');
  }

  /** The text again; undefined when it was sealed with another key or for another context, or was changed since. */
  open(sealed: string, context: string): string | undefined {
    const octets = Buffer.from(sealed, 'base64');
    if (octets.length < NONCE_OCTETS + TAG_OCTETS) return undefined;
    const nonce = octets.subarray(0, NONCE_OCTETS);
    const tag = octets.subarray(NONCE_OCTETS, NONCE_OCTETS + TAG_OCTETS);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_OCTETS });
    decipher.setAAD(Buffer.from(context)).setAuthTag(tag);
    try {
      return decipher.update(octets.subarray(NONCE_OCTETS + TAG_OCTETS), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return undefined; // the tag does not fit
    }
  }
}
