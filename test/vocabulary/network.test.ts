import { expect, test } from 'vitest';
import { networkOf } from '../../src/vocabulary/network.ts';

test.each([
  ['192.0.2.7', undefined],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['2001:db8:0001::', '2001:db8:1:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
  ['1::3:4:5:6:7:8', '1:0:3:4::/64'],
])('%s is in %s', (address, network) => expect(networkOf(address)).toBe(network));
