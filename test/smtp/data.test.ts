import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dataDecoder, dataEncoder, type LineEnding, lineEndRepair } from '../../src/smtp/data.ts';

/** Feeds `pieces`; the body, and what is left after the end of data (undefined when it never came). */
function decode(pieces: readonly Uint8Array[], lineEnding: LineEnding = 'crlf') {
  const decoder = dataDecoder(lineEnding);
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
const bytewise = (text: string, lineEnding?: LineEnding) =>
  decode(
    [...Buffer.from(text, 'latin1')].map((octet) => Buffer.of(octet)),
    lineEnding,
  );

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

// Long enough that some of it is copied, not sliced.
const nastyText = fc.string({
  unit: fc.constantFrom(
    '\r',
    '\n',
    '.',
    '\0',
    'a',
    '\r\n',
    '\r\r\n',
    '\r\n.\r\n',
    '\r\n.',
    'xyz',
    'a line of more than twenty-four octets',
  ),
  maxLength: 60,
});

test('where the packets are cut changes nothing', () => {
  fc.assert(
    fc.property(nastyText, fc.array(fc.nat(300), { maxLength: 8 }), fc.constantFrom<LineEnding>('crlf', 'lf'), (text, cuts, lineEnding) => {
      const octets = Buffer.from(`${text}\r\n.\r\n`, 'latin1');
      const places = [0, ...cuts.map((cut) => Math.min(cut, octets.length)).sort((one, other) => one - other), octets.length];
      const pieces = places.slice(1).map((end, at) => octets.subarray(places[at], end));
      expect(decode(pieces, lineEnding)).toEqual(decode([octets], lineEnding));
    }),
    { numRuns: 3000 },
  );
});

const cutAt = (octets: Buffer, cuts: readonly number[]) => {
  const places = [0, ...cuts.map((cut) => Math.min(cut, octets.length)).sort((one, other) => one - other), octets.length];
  return places.slice(1).map((end, at) => octets.subarray(places[at], end));
};

describe('the repair of line ends alone', () => {
  const repaired = (pieces: readonly Buffer[]) => {
    const repair = lineEndRepair();
    return Buffer.concat([...pieces.flatMap((piece) => repair.repair(piece)), ...repair.end()]).toString('latin1');
  };

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
    expect(repaired([...octets].map((octet) => Buffer.of(octet)))).toBe(right);
  });

  test('is the same however the text is cut, the same as that of DATA, and done after one time', () => {
    fc.assert(
      fc.property(nastyText, fc.array(fc.nat(300), { maxLength: 8 }), (text, cuts) => {
        const octets = Buffer.from(text, 'latin1');
        const right = repaired([octets]);
        expect(repaired(cutAt(octets, cuts))).toBe(right);
        expect(repaired([Buffer.from(right, 'latin1')])).toBe(right);
        const withoutDots = text.replaceAll('.', ',');
        // DATA's own end takes a CR before it with it.
        expect(whole(`${withoutDots}x\r\n.\r\n`).body).toBe(repaired([Buffer.from(`${withoutDots}x\r\n`, 'latin1')]));
      }),
      { numRuns: 2000 },
    );
  });
});

// Each slice is an awaited write: a chunk of nothing but line ends fell into as many as it has octets.
test.each([
  ['bare LF', '\n'],
  ['bare CR', '\r'],
  ['short lines with LF', 'ab\n'],
  ['CR CR LF', 'ab\r\r\n'],
  ['stuffed dots', '..\r\n'],
  ['dots and a bare CR', '.\ra'],
])('%s: few slices, however many there are of it', (_, unit) => {
  const chunk = Buffer.from(unit.repeat(20_000));
  expect(dataDecoder('crlf').decode(chunk).body.length).toBeLessThanOrEqual(17);
  expect(lineEndRepair().repair(chunk).length).toBeLessThanOrEqual(17);
});

test('lone dots: few slices on the way out, too', () => {
  expect(dataEncoder().encode(Buffer.from('.\r\n'.repeat(20_000))).length).toBeLessThanOrEqual(17);
});

test('what is kept has CRLF line ends only', () => {
  fc.assert(
    fc.property(nastyText, (text) => {
      expect(whole(`${text}\r\n.\r\n`).body.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    }),
    { numRuns: 2000 },
  );
});

test('stuffing and un-stuffing are inverse, however the body is cut', () => {
  const line = fc.string({ unit: fc.constantFrom('.', 'a', '\0', 'ÿ', ' '), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(60), { maxLength: 6 }), (lines, cuts) => {
      const body = Buffer.from(lines.map((one) => `${one}\r\n`).join(''), 'latin1');
      const places = [0, ...cuts.map((cut) => Math.min(cut, body.length)).sort((one, other) => one - other), body.length];
      const encoder = dataEncoder();
      const wire: Uint8Array[] = [];
      for (let at = 1; at < places.length; at++) wire.push(...encoder.encode(body.subarray(places[at - 1], places[at])));
      wire.push(encoder.end());
      expect(decode([Buffer.concat(wire)])).toEqual({ body: body.toString('latin1'), rest: '' });
    }),
    { numRuns: 2000 },
  );
});

test('a body without a last line end gets one before the dot', () => {
  const encoder = dataEncoder();
  expect(Buffer.concat([...encoder.encode(Buffer.from('a')), encoder.end()]).toString()).toBe('a\r\n.\r\n');
  expect(dataEncoder().end().toString()).toBe('.\r\n');
});

test('a large well-formed chunk is given out in one slice, uncopied', () => {
  const chunk = Buffer.from('0123456789\r\n'.repeat(5000));
  const { body } = dataDecoder('crlf').decode(chunk);
  expect(body).toHaveLength(1);
  expect(body[0]?.buffer).toBe(chunk.buffer);
});
