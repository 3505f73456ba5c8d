// XOAUTH2, Google's own mechanism, which Microsoft took over; it is no standard. The client's side alone. A refused
// token gets a challenge that says why, and the client answers it with an empty response before the refusal comes.

import { explainChallenge } from './bearer.ts';
import { EMPTY, type Mechanism } from './mechanism.ts';

/** As developers.google.com/workspace/gmail/imap/xoauth2-protocol has it. */
export const XOAUTH2 = {
  name: 'XOAUTH2',
  strength: 1,
  bearer: {
    clientFirst: true,
    explain: explainChallenge,
    async *start({ username, token }) {
      const challenge = yield Buffer.from(`user=${username}\u0001auth=Bearer ${token}\u0001\u0001`);
      if (challenge !== 'accepted') yield EMPTY;
      return undefined;
    },
  },
} as const satisfies Mechanism;
