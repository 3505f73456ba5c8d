import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatMailbox, formatPath, isDomain, isInternational, isSameMailbox, type Mailbox, parseMailbox } from '../../src/smtp/address.ts';

const mailbox = (localPart: string, domain: string): Mailbox => ({ localPart, domain });

// Read, and written as RFC 5321 has it.
test.each([
  ['a@b.example', mailbox('a', 'b.example'), 'a@b.example'],
  ['root', mailbox('root', ''), 'root'],
  ['cam..1@b', mailbox('cam..1', 'b'), '"cam..1"@b'],
  ['"a b"@c', mailbox('a b', 'c'), '"a b"@c'],
  ['"a\\b"@c', mailbox('ab', 'c'), 'ab@c'],
  ['"\\"@\\\\"@c', mailbox('"@\\', 'c'), '"\\"@\\\\"@c'],
  ['"a@b"', mailbox('a@b', ''), '"a@b"'],
  ['@r,@s:a@b', mailbox('a', 'b'), 'a@b'],
  ['my_cam@my_host.', mailbox('my_cam', 'my_host.'), 'my_cam@my_host.'],
  ['a@[192.0.2.1]', mailbox('a', '[192.0.2.1]'), 'a@[192.0.2.1]'],
  ['grün@bücher.example', mailbox('grün', 'bücher.example'), 'grün@bücher.example'],
])('%j', (text, right, written) => {
  expect(parseMailbox(text, { utf8: true })).toEqual(right);
  expect(formatMailbox(right)).toBe(written);
  expect(formatPath(right)).toBe(`<${written}>`);
  expect(parseMailbox(written, { utf8: true })).toEqual(right);
});

test.each([
  ['', 'syntax'],
  ['@b', 'syntax'],
  ['a@', 'syntax'],
  ['a b@c', 'syntax'],
  ['a@b c', 'syntax'],
  ['a@b..c', 'syntax'],
  ['a@[300.0.0.1]', 'syntax'],
  ['a@b,c@d', 'several'],
  ['a@b; c@d', 'several'],
  ['a\u0085@b', 'control-character'],
  ['grün@b', 'not-ascii'],
  [`a@${'b'.repeat(253)}`, 'too-long'],
  [`${'a'.repeat(65)}@b`, 'too-long'],
])('%.20j: %s', (text, fault) => {
  expect(parseMailbox(text, { utf8: false })).toBe(fault);
});

test('the empty reverse-path', () => {
  expect(formatPath(null)).toBe('<>');
});

test.each([
  ['example.org', true],
  ['a_b', true],
  ['[IPv6:2001:db8::1]', true],
  ['[IPv6:192.0.2.1]', false],
  ['[2001:db8::1]', false],
  ['-a', false],
  ['a-', false],
  ['', false],
  [`${'a'.repeat(64)}.b`, false],
])('%.30j is a domain: %s', (text, is) => {
  expect(isDomain(text)).toBe(is);
});

test('the same mailbox', () => {
  expect(isSameMailbox(mailbox('a', 'B.example'), mailbox('a', 'b.EXAMPLE'))).toBe(true);
  expect(isSameMailbox(mailbox('A', 'b'), mailbox('a', 'b'))).toBe(false);
});

test('beyond ASCII', () => {
  expect(isInternational(mailbox('a', 'b'))).toBe(false);
  expect(isInternational(mailbox('ä', 'b'))).toBe(true);
  expect(isInternational(mailbox('a', 'ß'))).toBe(true);
});

test('whatever is read can be written and read again', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '.', '@', '"', '\\', ' ', '<', '>', ',', 'ü', ':', '['), maxLength: 20 });
  fc.assert(
    fc.property(text, (given) => {
      const read = parseMailbox(given, { utf8: true });
      if (typeof read !== 'string') expect(parseMailbox(formatMailbox(read), { utf8: true })).toEqual(read);
    }),
    { numRuns: 3_000 },
  );
});
