// Who may speak, from whom, to whom, how much. Decisions only: values in, values out.

import { BlockList, isIPv6 } from 'node:net';
import type { Refusal } from '../smtp/reply.ts';
import * as replies from './replies.ts';
import type { MessageStore } from './store.ts';

/** A network as `net.BlockList` takes it. */
export type Network = { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' };

export type PolicySettings = {
  readonly hostname: string;
  readonly allow: readonly Network[];
  readonly maxRecipients: number;
};

export interface Policy {
  readonly hostname: string;
  readonly maxRecipients: number;
  /** Whether that address may talk to us at all. */
  isAllowed(address: string): boolean;
  /** What MAIL with a declared size (undefined for none) is refused with, if it is. */
  refuseSize(declared: number | undefined): Refusal | undefined;
  /** Octets a message may have, as advertised. */
  readonly sizeLimit: number;
}

export function createPolicy(settings: PolicySettings, store: MessageStore): Policy {
  const allowed = new BlockList();
  for (const { address, prefix, family } of settings.allow) allowed.addSubnet(address, prefix, family);
  return {
    hostname: settings.hostname,
    maxRecipients: settings.maxRecipients,
    isAllowed: (address) => allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'),
    refuseSize(declared) {
      if (declared !== undefined && declared > store.sizeLimit) return replies.tooLarge(store.sizeLimit);
      switch (store.room(declared ?? 0)) {
        case 'yes':
          return undefined;
        case 'not-now':
          return replies.noRoomNow;
        case 'never':
          return replies.tooLarge(store.sizeLimit);
      }
    },
    get sizeLimit() {
      return store.sizeLimit;
    },
  };
}

/** `::ffff:192.0.2.7` as `192.0.2.7`: a dual-stack socket shows IPv4 peers mapped. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '');
}
