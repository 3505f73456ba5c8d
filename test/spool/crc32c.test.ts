import { expect, test } from 'vitest';
import { crc32c } from '../../src/spool/crc32c.ts';

test('the check values of RFC 3720, appendix B.4', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, at) => at)))).toBe(0x46dd794e);
});

test('in pieces as in one', () => {
  const octets = Buffer.from(Array.from({ length: 100 }, (_, at) => (at * 37) % 256));
  for (let cut = 0; cut <= 100; cut++) expect(crc32c(octets.subarray(cut), crc32c(octets.subarray(0, cut)))).toBe(crc32c(octets));
});
