import { expect, test } from 'vitest';
import { addressLiteral } from '../../src/upstream/hello.ts';

test.each([
  ['192.168.1.5', '[192.168.1.5]'],
  ['::ffff:192.168.1.5', '[192.168.1.5]'],
  ['2001:db8::5', '[IPv6:2001:db8::5]'],
  ['fe80::1%eth0', '[IPv6:fe80::1]'],
])('%s is said as %s (RFC 5321, section 4.1.3)', (address, literal) => {
  expect(addressLiteral(address)).toBe(literal);
});
