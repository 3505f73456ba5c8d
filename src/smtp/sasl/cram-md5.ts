// CRAM-MD5 (RFC 2195): the response is the name and a digest of the server's challenge, keyed with the password.

import { createHmac } from 'node:crypto';
import { EMPTY, type Mechanism } from './mechanism.ts';

/** Stronger than PLAIN: the password is not sent. A server must know it in plain, though. */
export const CRAM_MD5 = {
  name: 'CRAM-MD5',
  strength: 3,
  client: {
    clientFirst: false,
    async *start({ username, password }) {
      const challenge = yield EMPTY; // Not sent: a generator needs a first `yield` to be resumed with the server's challenge.
      if (challenge === 'accepted') return undefined;
      yield Buffer.from(`${username} ${createHmac('md5', password).update(challenge).digest('hex')}`);
      return undefined;
    },
  },
  server: {
    clientFirst: false,
    needsPassword: true,
    *start(challenge) {
      const sent = challenge();
      const response = (yield sent).toString('utf8');
      const match = /^(.+) ([0-9a-f]{32})$/i.exec(response);
      if (match === null) return undefined;
      return { kind: 'cram-md5', username: match[1] ?? '', challenge: sent, digest: (match[2] ?? '').toLowerCase() };
    },
  },
} as const satisfies Mechanism;
