import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matcher } from '../../src/smtp/address-patterns.ts';

test.each([
  [['owner@example.org'], 'Owner@Example.ORG', true],
  [['owner@example.org'], 'owner@example.org.evil', false],
  [['@example.org'], 'a@example.org', true],
  [['@example.org'], 'a@b.example.org', false],
  [['ups-*@lan'], 'ups-3@lan', true],
  [['ups-*@lan'], 'ups-@lan', true],
  [['ups-*@lan'], 'xups-3@lan', false],
  [['*@*.example'], 'a@b.example', true],
  [['*@*.example'], 'a@example', false],
  [['aa*aa'], 'aaa', false],
  [['*'], '', true],
  [['x@y', '@lan'], 'cam@lan', true],
] as const)('%j and %s: %s', (patterns, address, isAllowed) => {
  expect(matcher(patterns)(address)).toBe(isAllowed);
});

test('no patterns allow anybody', () => {
  expect(matcher(undefined)('a@b')).toBe(true);
});

test('agrees with an expression, which would not be linear', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '@'), maxLength: 8 });
  fc.assert(
    fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b', '@'), maxLength: 10 }), (pattern, address) => {
      const whole = pattern.startsWith('@') ? `*${pattern}` : pattern;
      expect(matcher([pattern])(address)).toBe(new RegExp(`^${whole.replace(/\*+/g, '.*')}$`).test(address));
    }),
    { numRuns: 2_000 },
  );
});
