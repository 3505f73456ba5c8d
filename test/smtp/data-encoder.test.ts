import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataDecoder } from '../../src/smtp/data-decoder.ts';
import { DataEncoder } from '../../src/smtp/data-encoder.ts';
import { anyCuts, cutAt } from '../support/pieces.ts';

test.each([
  ['', '.\r\n'],
  ['a\r\n', 'a\r\n.\r\n'],
  ['a', 'a\r\n.\r\n'],
  ['.\r\n', '..\r\n.\r\n'],
  ['.a\r\nb.c\r\n..\r\n', '..a\r\nb.c\r\n...\r\n.\r\n'],
])('%j is sent as %j', (body, wire) => {
  const encoder = new DataEncoder();
  expect(Buffer.concat([...encoder.encode(Buffer.from(body)), encoder.end()]).toString()).toBe(wire);
});

test('stuffing and un-stuffing are inverse, however the body is cut', () => {
  const line = fc.string({ unit: fc.constantFrom('.', 'a', '\0', 'ÿ', ' '), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), anyCuts(60), (lines, cuts) => {
      const body = Buffer.from(lines.map((one) => `${one}\r\n`).join(''), 'latin1');
      const encoder = new DataEncoder();
      const wire = Buffer.concat([...cutAt(body, cuts).flatMap((piece) => encoder.encode(piece)), encoder.end()]);
      const decoded = new DataDecoder('crlf').decode(wire);
      expect(Buffer.concat(decoded.body)).toEqual(body);
      expect(decoded.rest).toHaveLength(0);
    }),
    { numRuns: 2000 },
  );
});

test('lone dots: few slices', () => {
  expect(new DataEncoder().encode(Buffer.from('.\r\n'.repeat(20_000))).length).toBeLessThanOrEqual(17);
});
