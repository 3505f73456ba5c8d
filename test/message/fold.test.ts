import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineFolder } from '../../src/message/fold.ts';
import { cutAt, octetByOctet } from '../support/pieces.ts';

function folded(pieces: readonly Uint8Array[]): Buffer {
  const folder = new LineFolder();
  return Buffer.concat([...pieces.flatMap((piece) => folder.fold(piece)), ...folder.end()]);
}
const fold = (text: string) => folded([Buffer.from(text)]).toString();
const a = (count: number) => 'a'.repeat(count);

describe('a long line', () => {
  test.each<[string, string, string]>([
    ['998 octets are none', `${a(998)}\r\nb`, `${a(998)}\r\nb`],
    ['999', `${a(999)}\r\nb`, `${a(998)}\r\n a\r\nb`],
    ['without an end', a(999), `${a(998)}\r\n a`],
    ['5,000', `${a(5_000)}\r\n`, `${a(998)}\r\n ${a(997)}\r\n ${a(997)}\r\n ${a(997)}\r\n ${a(997)}\r\n ${a(14)}\r\n`],
    ['a space', `${a(900)} ${a(500)}`, `${a(900)}\r\n ${a(500)}`],
    ['a tab as the 999th octet', `${a(998)}\tb`, `${a(998)}\r\n\tb`],
    ['the last of two spaces', `${a(900)}  ${a(500)}`, `${a(900)} \r\n ${a(500)}`],
    ['a space too far in front', `x ${a(1_200)}`, `x ${a(996)}\r\n ${a(204)}`],
    ['a comma, and no space near', `${a(600)},${a(500)}`, `${a(600)},\r\n ${a(500)}`],
    ['a character of two octets', `${a(997)}ü`, `${a(997)}\r\n ü`],
    ['a character of four', `${a(995)}🌱b`, `${a(995)}\r\n 🌱b`],
    ['one that just fits', `${a(996)}üb`, `${a(996)}ü\r\n b`],
    ['after a short one', `x\r\n${a(1_000)}`, `x\r\n${a(998)}\r\n aa`],
  ])('%s', (_, text, right) => {
    expect(fold(text)).toBe(right);
    expect(folded(octetByOctet(Buffer.from(text))).toString()).toBe(right);
  });

  test('octets that only look like the inside of a character', () => {
    expect(folded([Buffer.alloc(1_000, 0x80)])).toEqual(
      Buffer.concat([Buffer.alloc(998, 0x80), Buffer.from('\r\n '), Buffer.alloc(2, 0x80)]),
    );
  });
});

test('short lines pass uncopied, in one slice, however many they are', () => {
  const chunk = Buffer.from(`${a(70)}\r\n`.repeat(900));
  const slices = new LineFolder().fold(chunk);
  expect(slices).toHaveLength(1);
  expect(slices[0]?.buffer).toBe(chunk.buffer);
  expect(new LineFolder().fold(Buffer.from('\r\n'.repeat(30_000)))).toHaveLength(1);
});

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r\n', ' ', '\t', ',', 'ü', '🌱', 'a', '\r\n\r\n', '.'),
      fc
        .tuple(fc.constantFrom('a', 'ü', '日', '🌱', ' ', '\t', 'ab ', ','), fc.integer({ min: 300, max: 1_100 }))
        .map(([unit, times]) => unit.repeat(times)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

test('the same wherever it is cut; lines are short; characters are whole; only folds are added; folding again changes nothing', () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(8_000), { maxLength: 10 }), (original, cuts) => {
      const octets = Buffer.from(original);
      const right = folded([octets]);
      expect(folded(cutAt(octets, cuts)).equals(right)).toBe(true);
      for (const line of right.toString('latin1').split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
      const result = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(right);
      expect(result.replace(/[\r\n \t]/g, '')).toBe(original.replace(/[\r\n \t]/g, ''));
      if (original.split('\r\n').every((line) => Buffer.byteLength(line) <= 998)) expect(result).toBe(original);
      expect(folded([right]).equals(right)).toBe(true);
    }),
    { numRuns: 1500 },
  );
});

test('bare CR and LF, which do not come here, do no harm', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('\r', '\n', '\r\n', a(997), a(998), a(999), 'ü'), { maxLength: 12 }),
      fc.nat(5_000),
      (parts, cut) => {
        const octets = Buffer.from(parts.join(''));
        const right = folded([octets]);
        expect(folded([octets.subarray(0, cut), octets.subarray(cut)]).equals(right)).toBe(true);
        for (const line of right.toString('latin1').split('\n')) expect(line.replace(/\r$/, '').length).toBeLessThanOrEqual(998);
      },
    ),
    { numRuns: 1000 },
  );
});
