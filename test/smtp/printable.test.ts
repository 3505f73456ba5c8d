import { expect, test } from 'vitest';
import { excerpt, hasControl, printable, printableJson, withoutControl } from '../../src/smtp/printable.ts';

test.each([
  ['plain text, größer', false, 'plain text, größer', 'plain text, größer'],
  ['a\r\nb\tc', true, 'abc', 'a??b?c'],
  ['a\u0000\u007f\u009bb', true, 'ab', 'a???b'],
  // A joiner in a name, and a turn of the direction of writing, are sent on and not shown.
  ['नि\u200dक', false, 'नि\u200dक', 'नि?क'],
  ['fdp\u202eexe', false, 'fdp\u202eexe', 'fdp?exe'],
  ['\ufeffa\u2028b', false, '\ufeffa\u2028b', '?a?b'],
  ['half \ud83c', false, 'half \ud83c', 'half ?'],
  ['🌱', false, '🌱', '🌱'],
])('%j', (text, isControl, sent, shown) => {
  // Twice: an expression that remembers where it was would answer differently.
  expect([hasControl(text), hasControl(text)]).toEqual([isControl, isControl]);
  expect(withoutControl(text)).toBe(sent);
  expect(printable(text)).toBe(shown);
  expect(JSON.parse(printableJson(text))).toBe(text);
  expect(printable(printableJson(text))).toBe(printableJson(text));
});

test('an excerpt is the beginning', () => {
  expect(excerpt('größer', 3)).toBe('grö');
  expect(excerpt('🌱', 9)).toBe('🌱');
});
