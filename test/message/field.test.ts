import { describe, expect, test } from 'vitest';
import { type Field, fieldBody, fieldName, fieldsNamed, fieldValue, formatField, withBody } from '../../src/message/field.ts';

const field = (raw: string): Field => ({ name: fieldName(raw) ?? '', raw: Buffer.from(raw) });

test.each([
  ['Subject: x', 'Subject'],
  ['Subject:', 'Subject'],
  ['Subject \t: x', 'Subject'],
  ['x-12:05: y', 'x-12'],
  [`${'a'.repeat(100)}: x`, 'a'.repeat(100)],
  [`${'a'.repeat(101)}: x`, undefined],
  ['12:05 door', undefined],
  ['Subject', undefined],
  [' Subject: x', undefined],
  ['Sub ject: x', undefined],
  ['S\u00fcbject: x', undefined],
  [': x', undefined],
  ['', undefined],
])('%.30j begins the field %.20j', (line, name) => {
  expect(fieldName(line)).toBe(name);
});

test('fields by their name, whatever its case', () => {
  const fields = ['To: a', 'TO: b', 'Total: c'].map((raw) => field(`${raw}\r\n`));
  expect(fieldsNamed({ fields }, 'to').map(fieldValue)).toEqual(['a', 'b']);
  expect(fieldsNamed({ fields }, 'Cc')).toEqual([]);
});

test.each([
  ['A: 1\r\n', ' 1', '1'],
  ['A : 1\r\n\t2\r\n', ' 1\r\n\t2', '1\t2'],
  ['A:\r\n', '', ''],
  ['A: b: c\n', ' b: c', 'b: c'],
  ['A: gr\u00fcn\r\n', ' gr\u00c3\u00bcn', 'gr\u00fcn'],
])('%j has the body %j and the value %j', (raw, body, value) => {
  expect(fieldBody(field(raw))).toBe(body);
  expect(fieldValue(field(raw))).toBe(value);
});

test('another body; the name stays as it is written', () => {
  expect(withBody(field('tO :a\r\n b\r\n'), ' c\u00fc,\r\n d').raw.toString('latin1')).toBe('tO : c\u00fc,\r\n d\r\n');
});

describe('a new field', () => {
  const words = (count: number) => Array.from({ length: count }, () => '123456789');

  test.each<[string, readonly string[], string]>([
    ['no words', [], 'A:\r\n'],
    ['some', ['b', 'c'], 'A: b c\r\n'],
    ['as many as fit', words(7), `A: ${words(7).join(' ')}\r\n`],
    ['one more', words(8), `A: ${words(7).join(' ')}\r\n\t123456789\r\n`],
    ['a long one is not broken', ['x'.repeat(100), 'y'], `A: ${'x'.repeat(100)}\r\n\ty\r\n`],
    ['what would start another field', ['b\r\nBcc: c@d', '\u0000\u009be'], 'A: bBcc: c@d e\r\n'],
    ['beyond ASCII', ['gr\u00fcn'], 'A: gr\u00fcn\r\n'],
  ])('%s', (_, given, text) => {
    expect(formatField('A', given).toString()).toBe(text);
  });
});
