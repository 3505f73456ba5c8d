// Which addresses are near: the networks that this board's own addresses are in, and the routers that lead out of
// them. Both change while the relay runs (DHCP, a provider that gives another IPv6 prefix), so they are looked up
// again when somebody asks, though not at each connection.

import { readFileSync } from 'node:fs';
import { BlockList, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock, Monotonic } from './clock.ts';

/** What is known of the networks around this board. Addresses are text, IPv4 or IPv6. */
export interface Neighbourhood {
  /** Whether the address is in a network that one of this board's interfaces is in. */
  isOnLink(address: string): boolean;
  /** Whether a default route leads over the address: what comes from such an address may come from anywhere. */
  isGateway(address: string): boolean;
}

/** The networks around this machine, in the network namespace of this process. */
export class SystemNeighbourhood implements Neighbourhood {
  readonly #onLink: Remembered;
  readonly #gateways: Remembered;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#onLink = new Remembered(ownNetworks, clock);
    this.#gateways = new Remembered(defaultGateways, clock);
  }

  /** As Neighbourhood has it. */
  isOnLink(address: string): boolean {
    return this.#onLink.has(address);
  }

  /** As Neighbourhood has it. */
  isGateway(address: string): boolean {
    return this.#gateways.has(address);
  }
}

// Ms. Short enough that a new network is noticed soon, and long enough that a flood of connections costs few lookups.
const FRESH = 10_000;

/** A list of addresses that is read again when it is asked for and no longer fresh. */
class Remembered {
  readonly #read: () => BlockList;
  readonly #clock: Pick<Clock, 'now'>;
  #list: BlockList | undefined;
  #readAt: Monotonic;

  constructor(read: () => BlockList, clock: Pick<Clock, 'now'>) {
    this.#read = read;
    this.#clock = clock;
    this.#readAt = clock.now();
  }

  has(address: string): boolean {
    const now = this.#clock.now();
    if (this.#list === undefined || now - this.#readAt > FRESH) {
      this.#list = this.#read();
      this.#readAt = now;
    }
    return this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
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

/** A table of the kernel for this process's network namespace; empty where the kernel has no such table. */
function tableOf(name: string): string {
  try {
    return readFileSync(`/proc/self/net/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * The addresses that default routes lead over, from the kernel's tables (proc(5): /proc/net/route,
 * /proc/net/ipv6_route).
 */
export function gatewaysOf(ipv4: string, ipv6: string): readonly string[] {
  const found: string[] = [];
  for (const line of ipv4.split('\n')) {
    const [, destination, gateway = ''] = line.trim().split(/\s+/);
    if (destination !== '00000000' || !/^[0-9A-F]{8}$/i.test(gateway) || gateway === '00000000') continue;
    // The address is in the byte order of the processor, which is little-endian on all that we run on.
    found.push([...Buffer.from(gateway, 'hex').reverse()].join('.'));
  }
  for (const line of ipv6.split('\n')) {
    const [destination = '', prefix, , , gateway = ''] = line.trim().split(/\s+/);
    if (!/^0{32}$/.test(destination) || prefix !== '00' || !/^[0-9a-f]{32}$/i.test(gateway) || /^0{32}$/.test(gateway)) continue;
    found.push((gateway.match(/.{4}/g) ?? []).join(':'));
  }
  return found;
}
