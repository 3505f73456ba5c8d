import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Gathered, HeaderGatherer, MOST_FIELDS } from '../../src/message/header.ts';
import { cutAt } from '../support/pieces.ts';

const MARK = '\ufeff';

function gather(pieces: readonly Uint8Array[]): Gathered {
  const gatherer = new HeaderGatherer();
  for (const [at, piece] of pieces.entries()) {
    const gathered = gatherer.add(piece);
    if (gathered === undefined) continue;
    if (typeof gathered === 'string') return gathered;
    return { ...gathered, rest: Buffer.concat([gathered.rest, ...pieces.slice(at + 1)]) };
  }
  return gatherer.finish();
}

/** The fields as they stand, and the body, as text. */
function read(text: string) {
  const gathered = gather([Buffer.from(text)]);
  if (typeof gathered === 'string') return gathered;
  return { fields: gathered.fields.map(({ raw }) => raw.toString()), body: Buffer.from(gathered.rest).toString() };
}

describe('where the header section begins and ends', () => {
  test.each<[string, string, readonly string[], string]>([
    ['as it should', 'A: 1\r\n 2\r\nB: 3\r\n\r\ntext\r\n', ['A: 1\r\n 2\r\n', 'B: 3\r\n'], 'text\r\n'],
    ['no empty line', 'A: 1\r\ntext\r\n', ['A: 1\r\n'], 'text\r\n'],
    ['no header section', 'text\r\nmore: of it\r\n', [], 'text\r\nmore: of it\r\n'],
    ['nothing but fields', 'A: 1\r\nB: 2', ['A: 1\r\n', 'B: 2\r\n'], ''],
    ['nothing', '', [], ''],
    ['an empty one', '\r\ntext', [], 'text'],
    ['a space before the colon', 'A : 1\r\n\r\n', ['A : 1\r\n'], ''],
    ['a line of spaces within a field', 'A: 1\r\n \r\nB: 2\r\n\r\n', ['A: 1\r\n \r\n', 'B: 2\r\n'], ''],
    ['a long name is none', `${'a'.repeat(101)}: 1\r\n`, [], `${'a'.repeat(101)}: 1\r\n`],
    ['a time is no field', '12:05 door\r\n12:06 gone\r\n', [], '12:05 door\r\n12:06 gone\r\n'],
    ['a time after fields', 'A: 1\r\n12:06 gone\r\n', ['A: 1\r\n'], '12:06 gone\r\n'],
    // What no user sees
    ['a mark', `${MARK}A: 1\r\n\r\nx`, ['A: 1\r\n'], 'x'],
    ['two marks', `${MARK}${MARK}A: 1\r\n\r\nx`, ['A: 1\r\n'], 'x'],
    ['a mark before a later field', `A: 1\r\n${MARK}B: 2\r\n${MARK}\r\nx`, ['A: 1\r\n', 'B: 2\r\n'], 'x'],
    ['a mark before a text', `${MARK}text`, [], 'text'],
    ['a mark in a text', `A: 1\r\n\r\n${MARK}text`, ['A: 1\r\n'], `${MARK}text`],
    ['a mark and no more', MARK, [], ''],
    ['an mbox line', 'From cam Tue Nov 24 12:00:00 2026\r\nA: 1\r\n\r\nx', ['A: 1\r\n'], 'x'],
    ['an mbox line and a text', 'From cam Tue Nov 24 12:00:00 2026\r\n\r\ntext', [], 'text'],
    ['marks and mbox lines', `${MARK}>From x  Tue Nov 24 12:00 2026\r\n${MARK}A: 1\r\n\r\n`, ['A: 1\r\n'], ''],
    ['an mbox line without a date', 'From cam\r\nSubject: 1\r\n\r\nx', ['Subject: 1\r\n'], 'x'],
    ['no mbox line', 'From now on\r\nGate: open\r\n\r\nx', [], 'From now on\r\nGate: open\r\n\r\nx'],
    ['a field of that name', 'From \t: cam\r\n\r\nx', ['From \t: cam\r\n'], 'x'],
    ['blank lines', '\r\n\r\n\r\nTo: 1\r\nA: 2\r\n\r\nx', ['To: 1\r\n', 'A: 2\r\n'], 'x'],
    ['blank lines before a text', '\r\n\r\nA: 1\r\n\r\nx', [], '\r\nA: 1\r\n\r\nx'],
    ['a date alone leaves doubt', '\r\nDate: 1\r\nDoor: 2\r\n\r\nx', [], 'Date: 1\r\nDoor: 2\r\n\r\nx'],
    ['a date and more does not', '\r\nDate: 1\r\nSubject: 2\r\n\r\nx', ['Date: 1\r\n', 'Subject: 2\r\n'], 'x'],
    ['blank lines and nothing', '\r\n\r\n', [], '\r\n'],
    ['more blank lines than by accident', `${'\r\n'.repeat(40)}Subject: 1\r\n\r\n`, [], `${'\r\n'.repeat(39)}Subject: 1\r\n\r\n`],
    ['spaces', ' \tSubject: 1\r\n\r\nx', ['Subject: 1\r\n'], 'x'],
    ['spaces before a text', ' A: 1\r\n\r\nx', [], ' A: 1\r\n\r\nx'],
    ['a mark, a blank line, spaces', `${MARK}\r\n  Subject: 1\r\n\r\nx`, ['Subject: 1\r\n'], 'x'],
  ])('%s', (_, text, fields, body) => {
    expect(read(text)).toEqual({ fields, body });
  });
});

describe('limits', () => {
  test('fields', () => {
    const fields = 'a:\r\n'.repeat(MOST_FIELDS);
    expect(read(`${fields}\r\nx`)).toMatchObject({ body: 'x' });
    expect(read(`${fields}b:\r\n\r\nx`)).toBe('too-many-fields');
    expect(read(`${fields}b:`)).toBe('too-many-fields');
    expect(read(`${fields} ${'\r\n '.repeat(5_000)}\r\n\r\nx`)).toMatchObject({ body: 'x' });
  });

  test('octets', () => {
    expect(read(`a:${'x'.repeat(102_300)}\r\n\r\nx`)).toMatchObject({ body: 'x' });
    expect(read(`a:${'x'.repeat(102_400)}`)).toBe('too-large');
    expect(read(`a:${'x'.repeat(102_400)}\r\n\r\nx`)).toBe('too-large');
  });

  test('a text that looks like a header section is still a text', () => {
    const lines = 'Date: 12:05\r\n'.repeat(1_500);
    expect(read(`\r\n${lines}`)).toEqual({ fields: [], body: lines });
    expect(read(`\r\n${lines}Subject: 1\r\n`)).toEqual({ fields: [], body: `${lines}Subject: 1\r\n` });
  });
});

const line = fc.constantFrom(
  '\r\n',
  'Subject: x\r\n',
  'Subject : y\r\n',
  'x:\r\n',
  'Date: z\r\n',
  ' folded\r\n',
  '\t\r\n',
  'text\r\n',
  MARK,
  'From cam\r\n',
  '>From cam Tue Nov 24 12:00:00 2026\r\n',
  '  ',
  ':',
  '\0',
);

test('the same wherever it is cut; nothing of it is lost but what the preamble dropped', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(200), { maxLength: 6 }), (lines, cuts) => {
      const octets = Buffer.from(lines.join(''));
      const whole = gather([octets]);
      const inPieces = gather(cutAt(octets, cuts));
      expect(inPieces).toEqual(typeof whole === 'string' ? whole : { ...whole, rest: Buffer.from(whole.rest) });
      if (typeof whole === 'string') return;
      const kept = Buffer.concat([...whole.fields.map(({ raw }) => raw), whole.rest]).toString();
      const dropped = lines
        .join('')
        .replaceAll(MARK, '')
        .replace(/^>*From .*$/gm, '')
        .replace(/[\r\n \t]/g, '');
      expect(
        kept
          .replaceAll(MARK, '')
          .replace(/^>*From .*$/gm, '')
          .replace(/[\r\n \t]/g, ''),
      ).toBe(dropped);
    }),
    { numRuns: 3000 },
  );
});

test('octet by octet, and in lines without end: linear', () => {
  const start = performance.now();
  for (const text of [
    'a:\r\n '.repeat(20_000),
    'a'.repeat(102_000),
    ' '.repeat(102_000),
    `A:${'\r\n'.padEnd(100_000)}`,
    MARK.repeat(34_000),
    '>'.repeat(102_000),
  ]) {
    const gatherer = new HeaderGatherer();
    for (const octet of Buffer.from(text)) if (gatherer.add(Buffer.of(octet)) !== undefined) break;
  }
  expect(performance.now() - start).toBeLessThan(5_000);
});
