// Addresses and networks: CIDR notation, which networks are private, and addresses in the form in which they are
// compared.

import { BlockList, isIPv6 } from 'node:net';

/** A network as `net.BlockList` takes it. */
export type Network = { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' };

/**
 * Who may connect: these networks; with `lan` the networks that the board is in; with `gateway` also their default
 * routers.
 */
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

/** The family of an address, as `net.BlockList` takes it. */
export function familyOf(address: string): Network['family'] {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

/**
 * The address without what depends on the socket: a dual-stack socket shows the IPv4 peer 192.0.2.7 as
 * `::ffff:192.0.2.7`, and a link-local address has its zone behind a `%`.
 */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '');
}

/**
 * The /64 that an IPv6 address is in; undefined for IPv4. A device may take as many addresses of it as it likes, so
 * what is limited by address must be limited by network as well.
 */
export function networkOf(address: string): string | undefined {
  if (!isIPv6(address)) return undefined;
  const [head = '', tail] = address.split('::');
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}

/** The groups of 16 bits, in hexadecimal without leading zeros; an IPv4 address at the end counts for two. */
function groupsOf(text: string): readonly string[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : Number.parseInt(group, 16).toString(16)));
}
