import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeText, encodeWords, isEncodedWord, textOf } from '../../src/message/encoded-word.ts';
import { decodeWords } from '../support/encoded-word.ts';

describe('what octets say', () => {
  test.each([
    ['UTF-8', Buffer.from('Haustür 🌱'), 'Haustür 🌱'],
    ['ISO 8859-1', Buffer.from('Haustür', 'latin1'), 'Haustür'],
    ['windows-1252', Buffer.from('80 93 54 94'.replaceAll(' ', ''), 'hex'), '€“T”'],
    ['half of a character', Buffer.from('61c3', 'hex'), 'aÃ'],
    ['an overlong form of a slash is no UTF-8', Buffer.from('c0af', 'hex'), 'À¯'],
    ['ASCII', Buffer.from('cam'), 'cam'],
    ['nothing', Buffer.alloc(0), ''],
  ])('%s', (_, octets, text) => {
    expect(textOf(octets)).toBe(text);
  });
});

describe('encoded words', () => {
  test.each([
    [['Garden'], ['Garden']],
    [['Haustür'], ['=?UTF-8?Q?Haust=C3=BCr?=']],
    [
      ['Tor', 'Süd', 'Ost'],
      ['Tor', '=?UTF-8?Q?S=C3=BCd?=', 'Ost'],
    ],
    [['Süd', 'Öst'], ['=?UTF-8?Q?S=C3=BCd_=C3=96st?=']],
    [['дверь'], ['=?UTF-8?B?0LTQstC10YDRjA==?=']],
    [['a"b(ü)<c>,;:@\\'], ['=?UTF-8?B?YSJiKMO8KTxjPiw7OkBc?=']],
    // The space between two encoded words is not shown, so it must be in one of them.
    [
      ['=?UTF-8?Q?Gr=C3=BCn?=', 'Süd', '=?UTF-8?Q?x?='],
      ['=?UTF-8?Q?Gr=C3=BCn?=', '=?UTF-8?Q?_S=C3=BCd_?=', '=?UTF-8?Q?x?='],
    ],
    [['Tür\r\nBcc: x\u0000\u009b'], ['=?UTF-8?Q?T=C3=BCrBcc=3A_x?=']],
  ])('%j', (words, right) => {
    expect(encodeWords(words, 0)).toEqual(right);
  });

  test('the first leaves room for what stands on the line before it', () => {
    const [first = '', ...others] = encodeText('ü'.repeat(200), 6);
    expect(first.length).toBeLessThanOrEqual(76 - 6);
    expect(first.length).toBeGreaterThan(60);
    for (const one of others) expect(one.length).toBeLessThanOrEqual(75);
  });

  const word = fc.oneof(
    fc.string({
      unit: fc.constantFrom('a', 'Z', '0', '=', '?', '_', '"', 'ü', 'ß', '€', '日', '🌱', '\u0301'),
      minLength: 1,
      maxLength: 40,
    }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }).filter((text) => !/[\s\p{Cc}]/u.test(text)),
  );

  test('decoding gives the text back; words are short, and ASCII', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), fc.nat(30), (words, used) => {
        const encoded = encodeWords(words, used);
        expect(decodeWords(encoded.join(' '))).toBe(decodeWords(words.join(' ')));
        for (const one of encoded) {
          expect(one).toMatch(/^[\x21-\x7e]+$/);
          if (!words.includes(one)) expect(one.length).toBeLessThanOrEqual(75);
        }
        if (encoded.length > 0 && !words.includes(encoded[0] ?? '')) expect(encoded[0]?.length).toBeLessThanOrEqual(76 - used);
        expect(encodeWords(encoded, used)).toEqual(encoded);
      }),
      { numRuns: 3000 },
    );
  });

  test('each word can be decoded by itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('ü', '日', '🌱', 'a', ' '), maxLength: 200 }), (text) => {
        const words = encodeText(text, 0);
        expect(words.every(isEncodedWord)).toBe(true);
        expect(words.map(decodeWords).join('')).toBe(text);
      }),
    );
  });
});
