import { expect, test } from 'vitest';
import { size, span } from '../../src/ops/format.ts';

test.each([
  [0, '0.0 KiB'],
  [1_536, '1.5 KiB'],
  [2 ** 20, '1.0 MiB'],
  [300 * 2 ** 20, '300.0 MiB'],
])('%d octets: %s', (octets, text) => expect(size(octets)).toBe(text));

test.each([
  [0, '0 s'],
  [119, '119 s'],
  [120, '2 min'],
  [7_199, '120 min'],
  [7_200, '2 h'],
  [172_800, '2 days'],
])('%d seconds: %s', (seconds, text) => expect(span(seconds)).toBe(text));
