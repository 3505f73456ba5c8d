import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDate, readDate } from '../../src/message/date.ts';
import type { WallTime } from '../../src/system/clock.ts';

const NOON = '2026-11-24T12:00:00Z';

describe('a date that can be read', () => {
  test.each([
    ['Tue, 24 Nov 2026 12:00:00 +0000', NOON],
    ['Tue, 24 Nov 2026 13:00:00 +0100', NOON],
    ['Tue, 24 Nov 2026 06:30:00 -0530', NOON],
    ['24 Nov 2026 12:00 GMT', NOON],
    ['tue, 24 nov 2026 12:00:00 gmt', NOON],
    ['Tue,24 Nov 2026 12:00:00 +0000 (UTC)', NOON],
    ['(a) Tue (b(c)) , 24 Nov\r\n 2026 12 : 00 : 00 (d)\r\n\t+0000', NOON],
    // Obsolete
    ['Tue, 24 Nov 26 12:00:00 UT', NOON],
    ['24 Nov 126 12:00:00 Z', NOON],
    ['Tue, 24 Nov 2026 12:00:00 CEST', NOON],
    ['Thu, 01 Jan 70 00:00:12 GMT', '1970-01-01T00:00:12Z'],
    // Not by the letter
    ['Tue, 24 Nov 2026 9:05:00 +0000', '2026-11-24T09:05:00Z'],
    ['Tue, 24 Nov 2026 12:00:00', NOON],
    ['Tue, 31 Dec 2024 23:59:60 +0000', '2025-01-01T00:00:00Z'],
  ])('%j', (value, right) => {
    expect(new Date(readDate(value) ?? 0).toISOString()).toBe(new Date(right).toISOString());
  });
});

test.each([
  '',
  'yesterday',
  '(24 Nov 2026 12:00:00 +0000)',
  '2026-11-24 12:00:00',
  '2026-11-24T12:00:00Z',
  '24.11.2026 12:00',
  '11/24/2026 12:00:00',
  'Tue Nov 24 12:00:00 2026',
  'Tue Nov 24 2026 12:00:00 GMT+0100 (CET)',
  'Di, 24 Nov 2026 12:00:00 +0100',
  'Tue, 24 Mär 2026 12:00:00 +0100',
  'Tue, 31 Nov 2026 12:00:00 +0000',
  'Tue, 24 Nov 2026 24:00:00 +0000',
  'Tue, 24 Nov 2026 12:60:00 +0000',
  'Tue, 24 Nov 2026 12:00:00 +01:00',
  'Tue, 24 Nov 2026 12:00:00 Europe/Berlin',
  'Tue, 00 Jan 1900 00:00:00 +0000',
  '24 Nov 2026',
  '1795521600',
  `24 Nov 2026 12:00${' 0'.repeat(60_000)}`,
])('%j is no date', (value) => {
  expect(readDate(value)).toBeUndefined();
});

test('reads what the relay writes, with comments and folds anywhere', () => {
  const gap = fc.constantFrom(' ', '\r\n ', ' (x) ', '\t');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), fc.array(gap, { minLength: 5, maxLength: 5 }), (seconds, gaps) => {
      const words = formatDate((seconds * 1000) as WallTime).split(' ');
      const written = words.map((word, at) => word + (gaps[at] ?? '')).join('');
      expect(readDate(written)).toBe(seconds * 1000);
    }),
  );
});
