import { describe, expect, test } from 'vitest';
import { AddressReader } from '../../src/message/addresses.ts';
import { completeAddresses, mergeLists } from '../../src/message/lists.ts';
import { fieldOf, linesOf } from '../support/fields.ts';

describe('missing domains', () => {
  test.each([
    ['To: root', 'To: root@d.example'],
    ['To: root@', 'To: root@d.example'],
    ['to :root ,a@b', 'to :root@d.example ,a@b'],
    ['To: Door <root>,\r\n\tx (y)', 'To: Door <root@d.example>,\r\n\tx@d.example (y)'],
    ['To: Group: root, a@b;', 'To: Group: root@d.example, a@b;'],
    ['To: "a b"', 'To: "a b"'],
    ['To: a@b', 'To: a@b'],
    ['To: two words', 'To: two words'],
    ['To:', 'To:'],
    // What is changed anyway is made ASCII as well.
    ['To: T\xfcr <root>', 'To: =?UTF-8?Q?T=C3=BCr?= <root@d.example>'],
    ['To: T\xfcr <a@b>', 'To: T\xfcr <a@b>'],
    ['To: root, "T\xfcr', 'To: root@d.example, "T\xfcr'],
  ])('%j becomes %j', (line, completed) => {
    const field = completeAddresses(fieldOf(line), 'd.example', new AddressReader());
    expect(linesOf([field])).toEqual([completed]);
    expect(linesOf([completeAddresses(field, 'd.example', new AddressReader())])).toEqual([completed]);
  });

  test('a field without a missing domain is the very same', () => {
    const field = fieldOf('To: a@b');
    expect(completeAddresses(field, 'd.example', new AddressReader())).toBe(field);
  });

  test('a list of thousands is left alone', () => {
    const field = fieldOf(`To: ${'root, '.repeat(3_000)}`);
    expect(completeAddresses(field, 'd.example', new AddressReader())).toBe(field);
  });
});

describe('several fields as one', () => {
  test.each<[string, readonly string[], string]>([
    ['two', ['To: a@b', 'To: c@d'], 'To: a@b,\r\n c@d'],
    ['the name as it is written first', ['tO: a@b', 'TO:c@d', 'To: e@f'], 'tO: a@b,\r\n c@d,\r\n e@f'],
    ['commas at an end are not doubled', ['To: a@b , ', 'To: c@d,'], 'To: a@b,\r\n c@d'],
    ['a quote that is never closed swallows nothing', ['To: "x', 'To: c@d'], 'To: "\\"x",\r\n c@d'],
    ['a comment that is never closed', ['To: a@b (x', 'To: c@d'], 'To: a@b "(x",\r\n c@d'],
    ['names beyond ASCII', ['To: T\xfcr <a@b>', 'To: (T\xfcr) c@d'], 'To: =?UTF-8?Q?T=C3=BCr?= <a@b>,\r\n (=?UTF-8?Q?T=C3=BCr?=) c@d'],
    ['neighbours beyond ASCII', ['To: T\xfcr S\xfcd a <a@b>', 'To: c@d'], 'To: =?UTF-8?Q?T=C3=BCr_S=C3=BCd?= a <a@b>,\r\n c@d'],
    ['addresses can not be encoded', ['To: \xfc@b', 'To: c@d'], 'To: \xfc@b,\r\n c@d'],
  ])('%s', (_, lines, merged) => {
    const [first = fieldOf(''), ...others] = lines.map(fieldOf);
    expect(linesOf([mergeLists(first, others, new AddressReader())])).toEqual([merged]);
  });

  test('what is encoded is folded at 76 octets', () => {
    const [line = ''] = linesOf([mergeLists(fieldOf(`To: ${'\xfc'.repeat(100)} <a@b>`), [fieldOf('To: c@d')], new AddressReader())]);
    for (const one of line.split('\r\n')) expect(one.length).toBeLessThanOrEqual(76);
  });
});
