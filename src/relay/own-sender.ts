// The address that the relay's own mail is from, at a provider that takes mail of its account only.

import type { Config } from '../config/config.ts';
import { type Mailbox, parseMailbox } from '../smtp/address.ts';

/** The name that is logged in with, by a password or by tokens. */
type Named = { readonly username: string } | undefined;
type Account = { readonly credentials: Named; readonly oauth?: Named };
type OwnSettings = { readonly rewriting: Pick<Config['rewriting'], 'sender'> };

/**
 * GATEPOST_SENDER, or the first user name among those of `targets` that is an address; undefined where none is. `utf8`:
 * whether an account may have letters beyond ASCII.
 */
export function ownSender({ rewriting }: OwnSettings, targets: readonly Account[], { utf8 } = { utf8: false }): Mailbox | undefined {
  return rewriting.sender ?? targets.map((target) => accountOf(target, utf8)).find((account) => account !== undefined);
}

function accountOf({ credentials, oauth }: Account, utf8: boolean): Mailbox | undefined {
  const account = parseMailbox(credentials?.username ?? oauth?.username ?? '', { utf8 });
  return typeof account === 'string' || account.domain === '' ? undefined : account;
}
