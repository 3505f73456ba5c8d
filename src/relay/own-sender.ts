// The address that the relay's own mail is from, at a provider that takes mail of its account only.

import type { Config } from '../config/config.ts';
import { type Mailbox, parseMailbox } from '../smtp/address.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';

type OwnSettings = { readonly rewriting: Pick<Config['rewriting'], 'sender'> };

/** GATEPOST_SENDER, or the first user name among those of `targets` that is an address; undefined where none is. */
export function ownSender({ rewriting }: OwnSettings, targets: readonly Pick<UpstreamTarget, 'credentials'>[]): Mailbox | undefined {
  return rewriting.sender ?? targets.map(accountOf).find((account) => account !== undefined);
}

function accountOf({ credentials }: Pick<UpstreamTarget, 'credentials'>): Mailbox | undefined {
  const account = parseMailbox(credentials?.username ?? '', { utf8: false });
  return typeof account === 'string' || account.domain === '' ? undefined : account;
}
