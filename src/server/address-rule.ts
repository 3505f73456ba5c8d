// Whose addresses may talk to the relay at all: GATEPOST_ALLOW. Pure, but for what the board knows of its networks.

import { BlockList } from 'node:net';
import type { Refusal } from '../smtp/reply.ts';
import type { Neighbourhood } from '../system/neighbourhood.ts';
import { type Allowed, familyOf } from '../vocabulary/network.ts';
import { ADVICE } from './advice.ts';
import * as replies from './replies.ts';

/** What a connection is refused with, and what the owner of the board can do about it. */
export type RefusedAddress = { readonly refusal: Refusal; readonly advice: string | undefined };

/**
 * What an address (not mapped, without a zone) is refused with; undefined for one that is allowed. A router is refused
 * although its network is allowed, since what comes from it may come from the internet; whoever names a router as a
 * single address means it.
 */
export function addressRule(
  { networks, lan, gateway }: Allowed,
  neighbourhood: Neighbourhood,
): (address: string) => RefusedAddress | undefined {
  const allowed = new BlockList();
  const single = new BlockList();
  for (const { address, prefix, family } of networks) {
    allowed.addSubnet(address, prefix, family);
    if (prefix === (family === 'ipv6' ? 128 : 32)) single.addAddress(address, family);
  }
  return (address) => {
    const family = familyOf(address);
    if (single.check(address, family)) return undefined;
    if (neighbourhood.isGateway(address)) return gateway ? undefined : { refusal: replies.isGateway(address), advice: ADVICE.gateway };
    if (allowed.check(address, family)) return undefined;
    const isNeighbour = neighbourhood.isOnLink(address);
    if (lan && isNeighbour) return undefined;
    return { refusal: replies.notAllowed(address), advice: isNeighbour ? ADVICE.ownNetwork : undefined };
  };
}
