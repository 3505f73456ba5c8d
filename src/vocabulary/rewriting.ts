// What the relay rewrites in messages, as the owner wants it.

import type { Mailbox } from '../smtp/address.ts';

/**
 * GATEPOST_SENDER, GATEPOST_RECIPIENT and GATEPOST_DEFAULT_DOMAIN; what is undefined is left as the device wrote it.
 */
export type Rewriting = {
  readonly sender: Mailbox | undefined;
  readonly recipient: Mailbox | undefined;
  readonly defaultDomain: string | undefined;
};
