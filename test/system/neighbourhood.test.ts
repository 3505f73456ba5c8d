import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { gatewaysOf, SystemNeighbourhood } from '../../src/system/neighbourhood.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const IPV4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
`;
const IPV6 = `20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

test('gateways are read from the tables of the kernel', () => {
  expect(gatewaysOf(IPV4, IPV6)).toEqual(['192.168.1.1', 'fe80:0000:0000:0000:0000:0000:0000:0001']);
  expect(gatewaysOf('', 'rubbish\n')).toEqual([]);
});

test('what this machine is in is near, and the rest of the world is not', () => {
  const near = new SystemNeighbourhood(fakeClock());
  const own = Object.values(networkInterfaces())
    .flatMap((one) => one ?? [])
    .find(({ internal, family, cidr }) => !internal && family === 'IPv4' && !cidr?.endsWith('/32'));
  if (own !== undefined) expect(near.isOnLink(own.address)).toBe(true);
  expect(near.isOnLink('240.0.0.1')).toBe(false);
  expect(near.isOnLink('127.0.0.1')).toBe(false);
});
