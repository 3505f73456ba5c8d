// OAUTHBEARER (RFC 7628), the client's side alone. A refused token gets a challenge that says why; the client answers
// it with a lone %x01 before the refusal comes (section 3.2.3).

import { explainChallenge } from './bearer.ts';
import type { Mechanism } from './mechanism.ts';

/** The standard for OAuth tokens, which names the server and so is preferred to XOAUTH2. */
export const OAUTHBEARER = {
  name: 'OAUTHBEARER',
  strength: 2,
  bearer: {
    clientFirst: true,
    explain: explainChallenge,
    async *start({ username, token, host, port }) {
      const place = `host=${host}\u0001port=${port}`;
      const challenge = yield Buffer.from(`n,a=${escaped(username)},\u0001${place}\u0001auth=Bearer ${token}\u0001\u0001`);
      if (challenge !== 'accepted') yield Buffer.from('\u0001');
      return undefined;
    },
  },
} as const satisfies Mechanism;

/** A saslname of RFC 5801, section 4. */
const escaped = (username: string) => username.replaceAll('=', '=3D').replaceAll(',', '=2C');
