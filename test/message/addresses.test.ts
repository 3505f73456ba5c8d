import { parseAddressList } from 'email-addresses';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AddressList, AddressReader, commentWords, phraseWords } from '../../src/message/addresses.ts';
import { outline } from '../../src/message/tokens.ts';
import { formatMailbox } from '../../src/smtp/address.ts';

const latin1 = (text: string) => Buffer.from(text).toString('latin1');

/** Each listed entry as `name | address | comment`. */
function shown(text: string): readonly string[] {
  const { listed } = new AddressReader().read(text) as AddressList;
  return listed.map(({ phrase, comments, mailbox }) =>
    [
      phraseWords(text, phrase).join(' '),
      mailbox === undefined ? '-' : formatMailbox(mailbox),
      ...comments.map((comment) => commentWords(text, comment).join(' ')),
    ].join(' | '),
  );
}

describe('a list', () => {
  test.each<[string, readonly string[]]>([
    ['cam@lan.example', [' | cam@lan.example']],
    [' Garden <cam@lan.example>\r\n', ['Garden | cam@lan.example']],
    ['<cam@lan.example>', [' | cam@lan.example']],
    ['"Door, front" <a@b>, c@d', ['Door, front | a@b', ' | c@d']],
    ['"a\\"b\\\\c" <x@y.example>, <evil@z.example>', ['a"b\\c | x@y.example', ' | evil@z.example']],
    ['Tor "Süd" West <a@b>', ['Tor Süd West | a@b']],
    ['root', [' | root']],
    ['root (Cron Daemon)', [' | root | Cron Daemon']],
    ['"(Cron Daemon)" <root>', ['(Cron Daemon) | root']],
    ['(Cron (nested) \\) Daemon) root', [' | root | Cron (nested) ) Daemon']],
    ['root@lan.example (fcron)', [' | root@lan.example | fcron']],
    ['root@ (a) , root', [' | root | a', ' | root']],
    ['Friends: a@b, root;, c@d', [' | a@b', ' | root', ' | c@d']],
    ['undisclosed-recipients:;', []],
    ['<@a.example,@b.example:c@d>, e@f', [' | c@d', ' | e@f']],
    ['"cron job"@lan.example', [' | "cron job"@lan.example']],
    ['a . b @ c . d', [' | a.b@c.d']],
    ['a@[192.0.2.1], b@192.0.2.1, c@d_e', [' | a@[192.0.2.1]', ' | b@192.0.2.1', ' | c@d_e']],
    ['a@b; c@d', [' | a@b', ' | c@d']],
    ['a@b,, ,c@d,', [' | a@b', ' | c@d']],
    ['Garden\r\n\t<cam@lan.example>\r\n (x)', ['Garden | cam@lan.example | x']],
    ['=?UTF-8?Q?Motion:_Garden,_S=C3=BCd?= <a@b>', ['=?UTF-8?Q?Motion:_Garden,_S=C3=BCd?= | a@b']],
    // No addresses
    ['', []],
    [' , ;', []],
    ['<>', [' | -']],
    ['"" <>', [' | -']],
    ['Garden camera', ['Garden camera | -']],
    ['Garden <>', ['Garden | -']],
    ['"Garden"', ['Garden | -']],
    ['<"Garden camera">', [' | "Garden camera"']],
    ['=?UTF-8?Q?Garten?=', ['=?UTF-8?Q?Garten?= | -']],
    ['@lan.example', ['@lan.example | -']],
    ['cam@lan@home', ['cam@lan@home | -']],
    ['cam@lan home', ['cam@lan home | -']],
    ['"a\u0000b"@lan', ['a\u0000b@lan | -']],
    ['cam@192.0.2.1:25', ['cam@192.0.2.1:25 | -']],
    ['cam@lan..example', ['cam@lan..example | -']],
    ['"never closed <cam@lan.example>', ['never closed <cam@lan.example> | -']],
    ['Garden <cam@lan.example', ['Garden | cam@lan.example']],
    ['Garden <cam@lan.example, door@lan.example', ['Garden | cam@lan.example', ' | door@lan.example']],
    ['cam@lan.example <cam@lan.example>', ['cam@lan.example | cam@lan.example']],
    [`${'a'.repeat(300)}@b`, [`${'a'.repeat(300)}@b | -`]],
  ])('%j', (text, right) => {
    expect(shown(latin1(text))).toEqual(right);
  });

  test('octets that are no UTF-8 are windows-1252', () => {
    expect(shown('T\xfcr <a@b>')).toEqual(['Tür | a@b']);
  });

  test('one that is too long to be read is not read', () => {
    expect(new AddressReader().read('a,'.repeat(1_999))?.listed).toHaveLength(1_999);
    expect(new AddressReader().read('a,'.repeat(2_001))).toBeUndefined();
  });

  test('the lists of one message are bounded all together as well', () => {
    const addresses = new AddressReader();
    for (let lists = 0; lists < 3; lists++) expect(addresses.read('a,'.repeat(2_000))?.listed).toHaveLength(2_000);
    expect(addresses.read('a')).toBeUndefined();
    expect(addresses.hasAddress('a')).toBe(true);
  });

  test.each([
    ['a@b (c)', true],
    ['a@b (c', false],
    ['"a', false],
    ['a@[b', false],
    ['(\\)', false],
  ])('%j is closed: %j', (text, isClosed) => {
    expect(new AddressReader().read(text)?.isClosed).toBe(isClosed);
  });
});

// A grammar of lists that RFC 5322 allows; the oracle is a parser that follows it rule by rule.
const atom = fc.string({ unit: fc.constantFrom('a', 'B', '7', '-', '+', "'"), minLength: 1, maxLength: 5 });
const dotAtom = fc.array(atom, { minLength: 1, maxLength: 3 }).map((atoms) => atoms.join('.'));
const quoted = fc
  .string({ unit: fc.constantFrom('a', ' ', ',', '@', '<', '>', ':', ';', '(', ')', '\\"', '\\\\', '.'), minLength: 1, maxLength: 8 })
  .filter((content) => content.trim() !== '')
  .map((content) => `"${content}"`);
const comment = fc
  .string({ unit: fc.constantFrom('x', ' ', ',', '@', '<', '"', '(y)', '\\)'), maxLength: 5 })
  .map((content) => `(${content})`);
const gap = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('', ' ', '\t', '\r\n ') }, { weight: 1, arbitrary: comment });
const label = fc.constantFrom('lan', 'example', 'x-1', 'org');
const domain = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const spec = fc.tuple(fc.oneof(dotAtom, quoted), domain).map((parts) => parts.join('@'));
const name = fc.array(fc.oneof(atom, quoted), { minLength: 1, maxLength: 3 }).map((words) => words.join(' '));
const mailbox = fc.oneof(
  fc.tuple(gap, spec, gap).map((parts) => parts.join('')),
  fc
    .tuple(gap, name, fc.constant(' '), gap, spec, gap)
    .map(([before, phrase, space, inside, address, after]) => `${before}${phrase}${space}<${inside}${address}>${after}`),
);
const group = fc.tuple(name, fc.array(mailbox, { maxLength: 3 })).map(([phrase, members]) => `${phrase}:${members.join(',')};`);
const list = fc.array(fc.oneof({ weight: 4, arbitrary: mailbox }, { weight: 1, arbitrary: group }), { minLength: 1, maxLength: 5 });

type Parsed = {
  readonly type: 'mailbox' | 'group';
  readonly name: string | null;
  readonly address: string;
  readonly addresses: readonly Parsed[];
};

test('reads what the oracle reads', () => {
  let read = 0;
  fc.assert(
    fc.property(list, (entries) => {
      const text = entries.join(',');
      const oracle = parseAddressList(text) as readonly Parsed[] | null;
      if (oracle === null) return; // it is strict about folds in odd places
      read += 1;
      const theirs = oracle.flatMap((one) => (one.type === 'group' ? one.addresses : [one]));
      const ours = (new AddressReader().read(text) as AddressList).listed.filter(({ mailbox }) => mailbox !== undefined);
      const plain = (address: string) => address.replace(/[\s"\\]/g, '');
      expect(ours.map((one) => plain(one.mailbox === undefined ? '' : `${one.mailbox.localPart}@${one.mailbox.domain}`))).toEqual(
        theirs.map(({ address }) => plain(address)),
      );
      const squeezed = (words: string) => words.replace(/[\s"\\]/g, '');
      expect(ours.map(({ phrase }) => squeezed(phraseWords(text, phrase).join('')))).toEqual(theirs.map((one) => squeezed(one.name ?? '')));
    }),
    { numRuns: 2000 },
  );
  expect(read).toBeGreaterThan(1000);
});

const anything = fc.string({
  unit: fc.constantFrom(
    'a',
    '.',
    '@',
    '<',
    '>',
    ',',
    ';',
    ':',
    '"',
    '\\',
    '(',
    ')',
    '[',
    ']',
    ' ',
    '\r\n ',
    '=?',
    '?Q?',
    '?=',
    '\xfc',
    '\0',
  ),
  maxLength: 40,
});

test('any octets are read without failing, and every place lies in the text', () => {
  fc.assert(
    fc.property(anything, (text) => {
      const { listed, groups } = new AddressReader().read(text) as AddressList;
      let end = 0;
      for (const { phrase, comments, missing } of [...listed, ...groups]) {
        for (const { from, to } of [...phrase, ...comments]) expect(0 <= from && from < to && to <= text.length).toBe(true);
        if (missing === undefined) continue;
        expect(missing.at).toBeGreaterThan(end);
        end = missing.at;
      }
      expect(outline(text).length).toBeLessThanOrEqual(text.length);
    }),
    { numRuns: 3000 },
  );
});

// Each of these was the worst of some kind of parser: 100,000 octets take well under a second when the work is linear.
test.each(['(', ')', '"', '\\', '<', '=?', '=?a', 'a@', 'a.', 'a ', '[', '<@', '<@a,', ':', '(\\', '""', '=?a?q?', '("'])(
  '%j over and over: linear',
  (unit) => {
    const text = unit.repeat(Math.floor(100_000 / unit.length));
    const start = performance.now();
    new AddressReader().read(text);
    outline(text);
    expect(performance.now() - start).toBeLessThan(1_000);
  },
);
