import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closed, contentOf, isClosed, outline, quoted, Tokens } from '../../src/message/tokens.ts';

/** All tokens of `text`: kind and place. */
function read(text: string) {
  const tokens = new Tokens(text);
  const found: [string, string][] = [];
  for (let kind = tokens.next(); kind !== 'end'; kind = tokens.next()) found.push([kind, text.slice(tokens.from, tokens.to)]);
  return { found, isClosed: tokens.isClosed };
}

describe('tokens', () => {
  test.each<[string, readonly [string, string][]]>([
    ['', []],
    [
      'a.b@c.d',
      [
        ['atom', 'a.b'],
        ['@', '@'],
        ['atom', 'c.d'],
      ],
    ],
    [' \t\r\n ', [['space', ' \t\r\n ']]],
    [
      '"a\\" b"<c>',
      [
        ['quoted', '"a\\" b"'],
        ['<', '<'],
        ['atom', 'c'],
        ['>', '>'],
      ],
    ],
    [
      '(a (b) \\) c)d',
      [
        ['comment', '(a (b) \\) c)'],
        ['atom', 'd'],
      ],
    ],
    [
      '[1.2\\]]:,;',
      [
        ['literal', '[1.2\\]]'],
        [':', ':'],
        [',', ','],
        [';', ';'],
      ],
    ],
    [
      '=?x?Q?a,b:c?=,',
      [
        ['atom', '=?x?Q?a,b:c?='],
        [',', ','],
      ],
    ],
    ['=?x', [['atom', '=?x']]],
    ['gr\u00fcn)\\]', [['atom', 'gr\u00fcn)\\]']]],
  ])('%j', (text, found) => {
    expect(read(text)).toEqual({ found, isClosed: true });
  });

  test.each(['"a', '(a (b)', '[a', '"a\\', '(', '(\\)'])('%j is never closed', (text) => {
    expect(read(`x ${text}`)).toEqual({
      found: [
        ['atom', 'x'],
        ['space', ' '],
        [expect.any(String), text],
      ],
      isClosed: false,
    });
    expect(isClosed(text)).toBe(false);
  });

  test('any text is cut into tokens, and nothing of it is lost', () => {
    const unit = fc.constantFrom('a', '.', ' ', '\r\n', '"', '(', ')', '[', ']', '\\', '<', '>', ',', ';', ':', '@', '=?a?b?c?=', '\u00ff');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
        const { found } = read(text);
        expect(found.map(([, token]) => token).join('')).toBe(text);
        expect(isClosed(closed(text))).toBe(true);
        expect(isClosed(text) ? closed(text) : '').toBe(isClosed(text) ? text : '');
      }),
      { numRuns: 2_000 },
    );
  });
});

test.each([
  ['"a \\"b\\" c"', 'a "b" c'],
  ['(a\r\n b)', 'a b'],
  ['"never', 'never'],
  ['""', ''],
  ['"', ''],
])('%j contains %j', (token, content) => {
  expect(contentOf(token)).toBe(content);
});

test('quoted', () => {
  expect(quoted('a "b" \\')).toBe('"a \\"b\\" \\\\"');
  expect(contentOf(quoted('a "b" \\'))).toBe('a "b" \\');
});

test.each([
  ['a (b) "c"\r\n d', 'a q d'],
  ['<"" a@b>', '< a@b>'],
  ['(x)', ''],
  ['a "b', 'a "b'],
])('%j is, apart from its comments, %j', (text, rest) => {
  expect(outline(text)).toBe(rest);
});
