import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DataDecoder, type LineEnding } from '../../src/smtp/data-decoder.ts';
import { anyCuts, cutAt, MANY_SLICES, nastyText, octetByOctet } from '../support/pieces.ts';

/** Feeds `pieces`; the body, and what is left after the end of data (undefined when it never came). */
function decode(pieces: readonly Uint8Array[], lineEnding: LineEnding = 'crlf') {
  const decoder = new DataDecoder(lineEnding);
  const body: Uint8Array[] = [];
  for (let at = 0; at < pieces.length; at++) {
    const decoded = decoder.decode(pieces[at] ?? Buffer.alloc(0));
    body.push(...decoded.body);
    if (decoded.rest !== undefined) {
      return {
        body: Buffer.concat(body).toString('latin1'),
        rest: Buffer.concat([decoded.rest, ...pieces.slice(at + 1)]).toString('latin1'),
      };
    }
  }
  return { body: Buffer.concat(body).toString('latin1'), rest: undefined };
}

const whole = (text: string, lineEnding?: LineEnding) => decode([Buffer.from(text, 'latin1')], lineEnding);
const bytewise = (text: string, lineEnding?: LineEnding) => decode(octetByOctet(Buffer.from(text, 'latin1')), lineEnding);

describe('end of data is <CRLF>.<CRLF> and nothing else', () => {
  test.each([
    ['a\r\n.\r\nQUIT\r\n', 'a\r\n', 'QUIT\r\n'],
    ['.\r\n', '', ''],
    ['a\n.\nb\r\n.\r\n', 'a\r\n.\r\nb\r\n', ''],
    ['a\n.\r\nb\r\n.\r\n', 'a\r\n.\r\nb\r\n', ''],
    ['a\r\n.\nb\r\n.\r\n', 'a\r\n\r\nb\r\n', ''],
    ['a\r.\rb\r\n.\r\n', 'a\r\n.\r\nb\r\n', ''],
    ['a\r.\r\nb\r\n.\r\n', 'a\r\n.\r\nb\r\n', ''],
    ['a\r\n.\rb\r\n.\r\n', 'a\r\n\r\nb\r\n', ''],
    ['a\r\n\0.\r\nb\r\n.\r\n', 'a\r\n\0.\r\nb\r\n', ''],
    ['a\r\n.\0\r\nb\r\n.\r\n', 'a\r\n\0\r\nb\r\n', ''],
    ['a\r\n..\r\n.b\r\n.\r\n', 'a\r\n.\r\nb\r\n', ''],
    ['a\r\r\n.\r\n', 'a\r\n', ''],
    ['a\r\r\r\n.\r\n', 'a\r\n\r\n', ''],
    ['a\r\r\n.\r\r\nb\r\n.\r\n', 'a\r\n\r\nb\r\n', ''],
    ['a\r\rb\r\n.\r\n', 'a\r\n\r\nb\r\n', ''],
  ])('%j', (text, body, rest) => {
    expect(whole(text)).toEqual({ body, rest });
    expect(bytewise(text)).toEqual({ body, rest });
  });

  test.each(['a\n.\n', 'a\n.\r\n', 'a\r\n.\n', 'a\r.\r', 'a\r\n.\r', 'a\r\n.'])('%j does not end it', (text) => {
    expect(whole(text).rest).toBeUndefined();
    expect(bytewise(text).rest).toBeUndefined();
  });
});

describe('a session that speaks bare LF', () => {
  test.each([
    ['a\n.\nQUIT\n', 'a\r\n', 'QUIT\n'],
    ['a\r\n.\r\nQUIT\n', 'a\r\n', 'QUIT\n'],
    ['a\n..b\n.\n', 'a\r\n.b\r\n', ''],
  ])('%j', (text, body, rest) => {
    expect(whole(text, 'lf')).toEqual({ body, rest });
    expect(bytewise(text, 'lf')).toEqual({ body, rest });
  });
});

describe('a session that ends all its lines with CR CR LF', () => {
  test.each([
    ['a\r\r\n.\r\r\nQUIT\r\r\n', 'a\r\n', 'QUIT\r\r\n'],
    ['.\r\r\n', '', ''],
    ['a\r\n.\r\r\n', 'a\r\n', ''],
    ['a\r\r\n.\r\n', 'a\r\n', ''],
    ['a\r\r\n..\r\r\n.b\r\r\n.\r\r\n', 'a\r\n.\r\nb\r\n', ''],
    ['a\n.\r\r\nb\r.\r\r\n.\r\r\n', 'a\r\n.\r\nb\r\n.\r\n', ''],
    ['a\r\r\n.\r\r\r\nb\r\r\n.\r\r\n', 'a\r\n\r\n\r\nb\r\n', ''],
    ['a\r\r\n.\r\rb\r\r\n.\r\r\n', 'a\r\n\r\n\r\nb\r\n', ''],
  ])('%j', (text, body, rest) => {
    expect(whole(text, 'crcrlf')).toEqual({ body, rest });
    expect(bytewise(text, 'crcrlf')).toEqual({ body, rest });
  });

  test.each(['a\n.\r\r\n', 'a\r\n.\n', 'a\r.\r\r\n', 'a\r\n.\r\r'])('%j does not end it', (text) => {
    expect(whole(text, 'crcrlf').rest).toBeUndefined();
    expect(bytewise(text, 'crcrlf').rest).toBeUndefined();
  });
});

test('where the packets are cut changes nothing', () => {
  fc.assert(
    fc.property(nastyText, anyCuts(300), fc.constantFrom<LineEnding>('crlf', 'lf', 'crcrlf'), (text, cuts, lineEnding) => {
      const octets = Buffer.from(`${text}\r\n.\r\n`, 'latin1');
      expect(decode(cutAt(octets, cuts), lineEnding)).toEqual(decode([octets], lineEnding));
    }),
    { numRuns: 3000 },
  );
});

// Each slice is an awaited write: a chunk of nothing but line ends fell into as many as it has octets.
test.each(MANY_SLICES)('%s: few slices, however many there are of it', (_, unit) => {
  expect(new DataDecoder('crlf').decode(Buffer.from(unit.repeat(20_000))).body.length).toBeLessThanOrEqual(17);
});

test('what is kept has CRLF line ends only', () => {
  fc.assert(
    fc.property(nastyText, (text) => {
      expect(whole(`${text}\r\n.\r\n`).body.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    }),
    { numRuns: 2000 },
  );
});

test('a large well-formed chunk is given out in one slice, uncopied', () => {
  const chunk = Buffer.from('0123456789\r\n'.repeat(5000));
  const { body } = new DataDecoder('crlf').decode(chunk);
  expect(body).toHaveLength(1);
  expect(body[0]?.buffer).toBe(chunk.buffer);
});
