// What the owner has the relay rewrite in messages.

import type { Mailbox } from '../smtp/address.ts';

/** GATEPOST_SENDER, GATEPOST_RECIPIENT and GATEPOST_DEFAULT_DOMAIN; undefined: left as the device wrote it. */
export type Rewriting = {
  readonly sender: Mailbox | undefined;
  readonly recipient: Mailbox | undefined;
  readonly defaultDomain: string | undefined;
};
