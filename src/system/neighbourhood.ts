// Who is near: the networks that this board's own addresses are in, and the routers that lead out of them.
// Both change while the relay runs (DHCP, a provider that gives another IPv6 prefix), so they are looked up
// again when they are asked for, though not at each connection.

import { readFileSync } from 'node:fs';
import { BlockList, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock, Monotonic } from './clock.ts';

export interface Neighbourhood {
  /** Whether the address is in a network that one of this board's interfaces is in. */
  isOnLink(address: string): boolean;
  /** Whether a default route leads over the address: what comes from there may come from anywhere. */
  isGateway(address: string): boolean;
}

// What is known is believed for so many ms.
const FRESH = 10_000;

export function systemNeighbourhood(clock: Pick<Clock, 'now'>): Neighbourhood {
  const onLink = cached(clock, ownNetworks);
  const gateways = cached(clock, defaultGateways);
  return {
    isOnLink: (address) => onLink().check(address, isIPv6(address) ? 'ipv6' : 'ipv4'),
    isGateway: (address) => gateways().check(address, isIPv6(address) ? 'ipv6' : 'ipv4'),
  };
}

function cached<T>(clock: Pick<Clock, 'now'>, read: () => T): () => T {
  let known: { readonly value: T; readonly at: Monotonic } | undefined;
  return () => {
    if (known === undefined || clock.now() - known.at > FRESH) known = { value: read(), at: clock.now() };
    return known.value;
  };
}

function ownNetworks(): BlockList {
  const list = new BlockList();
  for (const { cidr, internal, family } of Object.values(networkInterfaces()).flatMap((one) => one ?? [])) {
    const [address = '', prefix = ''] = cidr?.split('/') ?? [];
    if (internal || address === '' || Number(prefix) === (family === 'IPv6' ? 128 : 32)) continue;
    list.addSubnet(address, Number(prefix), family === 'IPv6' ? 'ipv6' : 'ipv4');
  }
  return list;
}

function defaultGateways(): BlockList {
  const list = new BlockList();
  for (const address of gatewaysOf(tableOf('route'), tableOf('ipv6_route'))) list.addAddress(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  return list;
}

/** Of this process's network namespace. Empty where the kernel has no such table. */
function tableOf(name: string): string {
  try {
    return readFileSync(`/proc/self/net/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** The addresses that default routes lead over, from the kernel's tables (proc(5): /proc/net/route, /proc/net/ipv6_route). */
export function gatewaysOf(ipv4: string, ipv6: string): readonly string[] {
  const found: string[] = [];
  for (const line of ipv4.split('\n')) {
    const [, destination, gateway = ''] = line.trim().split(/\s+/);
    if (destination !== '00000000' || !/^[0-9A-F]{8}$/i.test(gateway) || gateway === '00000000') continue;
    // In the byte order of this processor, which is little-endian on all that we run on.
    found.push([...Buffer.from(gateway, 'hex').reverse()].join('.'));
  }
  for (const line of ipv6.split('\n')) {
    const [destination = '', prefix, , , gateway = ''] = line.trim().split(/\s+/);
    if (!/^0{32}$/.test(destination) || prefix !== '00' || !/^[0-9a-f]{32}$/i.test(gateway) || /^0{32}$/.test(gateway)) continue;
    found.push((gateway.match(/.{4}/g) ?? []).join(':'));
  }
  return found;
}
