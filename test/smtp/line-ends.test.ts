import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataDecoder } from '../../src/smtp/data-decoder.ts';
import { LineEndFinder, LineEndRepair } from '../../src/smtp/line-ends.ts';
import { anyCuts, cutAt, MANY_SLICES, nastyText, octetByOctet } from '../support/pieces.ts';

function repaired(pieces: readonly Buffer[]): string {
  const repair = new LineEndRepair();
  return Buffer.concat([...pieces.flatMap((piece) => repair.repair(piece)), ...repair.end()]).toString('latin1');
}

test.each([
  ['a\nb\rc\r\nd', 'a\r\nb\r\nc\r\nd'],
  ['a\r\r\nb', 'a\r\nb'],
  ['a\r\r\r\nb', 'a\r\n\r\nb'],
  ['a\n\r\nb', 'a\r\n\r\nb'],
  ['a\r', 'a\r\n'],
  ['a\r\r', 'a\r\n\r\n'],
])('%j', (text, right) => {
  const octets = Buffer.from(text);
  expect(repaired([octets])).toBe(right);
  expect(repaired(octetByOctet(octets))).toBe(right);
});

test('is the same however the text is cut, the same as that of DATA, and done after one time', () => {
  fc.assert(
    fc.property(nastyText, anyCuts(300), (text, cuts) => {
      const octets = Buffer.from(text, 'latin1');
      const right = repaired([octets]);
      expect(repaired(cutAt(octets, cuts))).toBe(right);
      expect(repaired([Buffer.from(right, 'latin1')])).toBe(right);
      // DATA's own end takes a CR before it with it.
      const line = Buffer.from(`${text.replaceAll('.', ',')}x\r\n`, 'latin1');
      const decoded = new DataDecoder('crlf').decode(Buffer.concat([line, Buffer.from('.\r\n')]));
      expect(Buffer.concat(decoded.body).toString('latin1')).toBe(repaired([line]));
    }),
    { numRuns: 2000 },
  );
});

test.each(MANY_SLICES)('%s: few slices, however many there are of it', (_, unit) => {
  expect(new LineEndRepair().repair(Buffer.from(unit.repeat(20_000))).length).toBeLessThanOrEqual(17);
});

test('the finder finds each CR and LF, from wherever it is asked', () => {
  fc.assert(
    fc.property(nastyText, fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 20 }), (text, steps) => {
      const octets = Buffer.from(text, 'latin1');
      const finder = new LineEndFinder(octets);
      let at = 0;
      for (const step of steps) {
        const right = text.slice(at).search(/[\r\n]/);
        expect(finder.next(at)).toBe(right < 0 ? octets.length : at + right);
        at = Math.min(at + step, octets.length);
      }
    }),
    { numRuns: 2000 },
  );
});
