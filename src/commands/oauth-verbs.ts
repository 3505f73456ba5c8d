// The verbs of `gatepost oauth`. What each does is in oauth.ts, which is only loaded when it is needed.

import type { Usage } from './usage.ts';

/** A row for each verb. */
export const OAUTH_VERBS = {
  login: {
    words: 'login [USER]',
    summary: 'gets the right to send as USER, with a code or in a browser',
    details:
      'Microsoft and others show a code, to be typed into a browser anywhere. Google wants a browser: open the address on any computer, consent, and paste the address of the page that can not be reached. What it gives is kept in `SPOOL_DIR/oauth`, and tried at the upstream at once.',
  },
  status: { words: 'status', summary: 'the accounts, and which of them are logged in' },
  logout: { words: 'logout [USER]', summary: 'revokes the right where the provider can, and forgets it' },
} as const satisfies Readonly<Record<string, Usage>>;

/** The name of a verb. */
export type OAuthVerb = keyof typeof OAUTH_VERBS;

/** Whether there is such a verb. */
export const isOAuthVerb = (word: string): word is OAuthVerb => Object.hasOwn(OAUTH_VERBS, word);
