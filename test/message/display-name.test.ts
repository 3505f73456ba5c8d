import { describe, expect, test } from 'vitest';
import { AddressReader } from '../../src/message/addresses.ts';
import { firstOctets, nameOfAuthor, wholeText, writeName } from '../../src/message/display-name.ts';

const latin1 = (text: string) => Buffer.from(text).toString('latin1');

test.each([
  ['Garden camera <a@b>', 'Garden camera'],
  ['"Garden, west" <a@b>', 'Garden, west'],
  ['root@lan (Cron Daemon)', 'Cron Daemon'],
  ['Door (x) <a@b>', 'Door'],
  ['() <a@b>', 'a@b'],
  ['a@b, Other <c@d>', 'a@b'],
  ['"a b"@c', '"a b"@c'],
  ['Cameras: a@b;', 'a@b'],
  ['undisclosed-recipients:;', 'undisclosed-recipients'],
  ['', ''],
  ['a@b@c', 'a@b@c'],
  ['Türkamera <a@b>', 'Türkamera'],
])('the author of %j is called %j', (text, name) => {
  expect(nameOfAuthor(latin1(text), new AddressReader().read(latin1(text))).join(' ')).toBe(name);
});

test('a list that is too long to be read is its own name', () => {
  expect(nameOfAuthor(' a\r\n b ', undefined)).toEqual(['a', 'b']);
  expect(wholeText(' a  b\t')).toEqual(['a', '', 'b']);
});

describe('written', () => {
  test.each<[readonly string[], readonly string[]]>([
    [[], []],
    [['Garden', 'camera'], ['"Garden camera"']],
    [['a', '', 'b'], ['"a  b"']],
    [['a"b\\'], ['"a\\"b\\\\"']],
    [
      ['Tür', 'west'],
      ['=?UTF-8?Q?T=C3=BCr?=', 'west'],
    ],
    [
      ['Tür', 'a,b'],
      ['=?UTF-8?Q?T=C3=BCr?=', '"a,b"'],
    ],
    [
      ['=?UTF-8?Q?x?=', 'a.b'],
      ['=?UTF-8?Q?x?=', '"a.b"'],
    ],
  ])('%j as %j', (words, written) => {
    expect(writeName(words, 0)).toEqual(written);
  });

  test('at most 400 octets, no encoded word cut, no space at the end', () => {
    expect(writeName(['x'.repeat(1_000)], 0)).toEqual([`"${'x'.repeat(400)}"`]);
    expect(writeName(['x'.repeat(390), 'y'.repeat(390)], 0)).toEqual([`"${'x'.repeat(390)} ${'y'.repeat(9)}"`]);
    expect(writeName(['x'.repeat(390), `=?UTF-8?Q?${'y'.repeat(50)}?=`], 0)).toEqual([`"${'x'.repeat(390)}"`]);
    expect(writeName(['x'.repeat(399), '', ''], 0)).toEqual([`"${'x'.repeat(399)}"`]);
  });
});

test.each([
  ['abc', 2, 'ab'],
  ['aüb', 2, 'a'],
  ['aüb', 3, 'aü'],
  ['🌱', 3, ''],
  ['a', 9, 'a'],
])('of %j the first %i octets are %j', (text, most, kept) => {
  expect(firstOctets(text, most)).toBe(kept);
});
