// Addresses and networks: CIDR, what is private, and addresses as they are compared.

import { BlockList, isIPv6 } from 'node:net';

/** A network as `net.BlockList` takes it. */
export type Network = { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' };

/** Whose addresses may talk to the relay: networks, and by their words the board's own networks and the routers that lead out of them. */
export type Allowed = { readonly networks: readonly Network[]; readonly lan: boolean; readonly gateway: boolean };

/** Loopback, link-local, private (RFC 1918) and unique-local (RFC 4193) networks, in CIDR notation. */
export const PRIVATE_NETWORKS = [
  '127.0.0.0/8',
  '::1/128',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
] as const;

const PRIVATE = new BlockList();
for (const network of PRIVATE_NETWORKS) {
  const [address = '', prefix] = network.split('/');
  PRIVATE.addSubnet(address, Number(prefix), familyOf(address));
}

/** Whether the address lies in a private network. */
export const isPrivate = (address: string): boolean => PRIVATE.check(address, familyOf(address));

/** The family of an address, as `net.BlockList` wants to know it. */
export function familyOf(address: string): Network['family'] {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

/** `::ffff:192.0.2.7` as `192.0.2.7`, since a dual-stack socket shows IPv4 peers mapped; without the zone of a link-local address. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '');
}
