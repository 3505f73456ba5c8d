// CRC-32C (Castagnoli), eight octets a step (Intel's "slicing by 8"). Node has only CRC-32 (IEEE), and not before
// 20.15; CRC-32C detects all errors of up to five bits in frames of our size.

const POLYNOMIAL = 0x82f63b78; // reflected

const TABLES = ((): readonly Int32Array[] => {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  const [first = new Int32Array(256)] = tables;
  for (let octet = 0; octet < 256; octet++) {
    let crc = octet;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[octet] = crc;
  }
  for (let table = 1; table < 8; table++) {
    const previous = tables[table - 1] ?? first;
    const current = tables[table] ?? first;
    for (let octet = 0; octet < 256; octet++) {
      const crc = previous[octet] ?? 0;
      current[octet] = (crc >>> 8) ^ (first[crc & 0xff] ?? 0);
    }
  }
  return tables;
})();

const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as unknown as readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** The CRC of `octets`, going on from `crc` (0 for a start); an unsigned 32-bit number. */
export function crc32c(octets: Uint8Array, crc = 0): number {
  let state = ~crc;
  let at = 0;
  const whole = octets.length - (octets.length % 8);
  // biome-ignore-start lint/style/noNonNullAssertion: bounded by construction, and this loop is hot
  while (at < whole) {
    state ^= octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16) | (octets[at + 3]! << 24);
    state =
      T7[state & 0xff]! ^
      T6[(state >>> 8) & 0xff]! ^
      T5[(state >>> 16) & 0xff]! ^
      T4[state >>> 24]! ^
      T3[octets[at + 4]!]! ^
      T2[octets[at + 5]!]! ^
      T1[octets[at + 6]!]! ^
      T0[octets[at + 7]!]!;
    at += 8;
  }
  for (; at < octets.length; at++) state = (state >>> 8) ^ T0[(state ^ octets[at]!) & 0xff]!;
  // biome-ignore-end lint/style/noNonNullAssertion: as above
  return ~state >>> 0;
}
