// What is made of a message for a server that takes 7 bits only. The decoder is test/support/mime.ts.

import fc from 'fast-check';
import MimeNode from 'nodemailer/lib/mime-node';
import { describe, expect, test } from 'vitest';
import { toAsciiFields, toSevenBit } from '../../src/message/convert.ts';
import { survey } from '../../src/message/survey.ts';
import { leavesOf, readMime, shownField } from '../support/mime.ts';
import { anyCuts, cutAt, octetByOctet } from '../support/pieces.ts';

async function* stream(pieces: readonly Uint8Array[]) {
  yield* pieces;
}

async function gather(octets: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const one of octets) all.push(one);
  return Buffer.concat(all);
}

async function convert(octets: Buffer, pieces: readonly Buffer[] = [octets]): Promise<string> {
  return (await gather(toSevenBit(stream(pieces), await survey(stream(pieces))))).toString('latin1');
}

/** A message of UTF-8 text, one array element a line. */
const message = (...lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\r\n`).join(''));
const utf8 = (latin1: string) => Buffer.from(latin1, 'latin1').toString();

function isSevenBit(text: string): void {
  expect(text.search(/[\x80-\uffff]/)).toBe(-1);
  for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
}

describe('a text', () => {
  test('without MIME becomes MIME', async () => {
    const converted = await convert(message('Subject: Tür', '', 'Die Tür ist offen. '));
    isSevenBit(converted);
    const part = readMime(converted);
    expect(converted).toContain('MIME-Version: 1.0\r\n');
    expect(part.fields.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(part.fields.get('content-transfer-encoding')).toBe('quoted-printable');
    expect(shownField(part, 'subject')).toBe('Tür');
    expect(utf8(part.content)).toBe('Die Tür ist offen. \r\n');
  });

  test('that is no UTF-8 is windows-1252', async () => {
    const part = readMime(await convert(Buffer.from('Subject: x\r\n\r\nT\xfcr\r\n', 'latin1')));
    expect(part.fields.get('content-type')).toBe('text/plain; charset=windows-1252');
    expect(part.content).toBe('T\xfcr\r\n');
  });

  test('with a type but no charset gets one, and keeps the rest of its type', async () => {
    const part = readMime(await convert(message('MIME-Version: 1.0', 'Content-Type: text/html; format=flowed', '', '<p>ü</p>')));
    expect(part.fields.get('content-type')).toBe('text/html; format=flowed;\tcharset=utf-8');
  });

  test('mostly above 127 becomes base64', async () => {
    const text = 'Дверь открыта\r\n'.repeat(20);
    const part = readMime(await convert(Buffer.from(`Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`)));
    expect(part.fields.get('content-transfer-encoding')).toBe('base64');
    expect(utf8(part.content)).toBe(text);
  });

  test('that says 8bit and is ASCII says 7bit', async () => {
    const part = readMime(await convert(message('Subject: ü', 'Content-Transfer-Encoding: 8bit', '', 'hi')));
    expect(part.fields.get('content-transfer-encoding')).toBe('7bit');
    expect(part.content).toBe('hi\r\n');
  });

  test('that says quoted-printable or base64, and has octets that are neither', async () => {
    const quoted = readMime(await convert(message('Content-Transfer-Encoding: quoted-printable', '', `=41=\r\nü ${'x'.repeat(100)}`)));
    expect(utf8(quoted.content)).toBe(`Aü ${'x'.repeat(100)}\r\n`);
    const base64 = readMime(await convert(message('Content-Transfer-Encoding: BASE64', '', 'aGüVs', 'bG8=')));
    expect(base64.content).toBe('hello');
  });
});

describe('header fields', () => {
  test.each([
    ['From: Haustür <cam@lan>', 'from', 'Haustür <cam@lan>'],
    ['To: "Möller, Jürgen" <j@x>, b@bücher.example', 'to', 'Möller, Jürgen <j@x>, b@xn--bcher-kva.example'],
    ['Cc: grün@x.example', 'cc', 'grün@x.example :;'],
    ['X-Room: Küche im Süden', 'x-room', 'Küche im Süden'],
    ['Received: from ü by x', 'received', 'from ?? by x'],
    ['Subject: ascii', 'subject', 'ascii'],
  ])('%s', async (line, name, shown) => {
    const converted = await convert(message(line, '', 'ü'));
    isSevenBit(converted);
    expect(shownField(readMime(converted), name)).toBe(shown);
  });

  test('the name of a file (RFC 2231)', async () => {
    const converted = await convert(
      message(
        'Content-Type: image/jpeg; name="Tür.jpg"',
        'Content-Disposition: attachment; filename="Tür am Gartenhäuschen.jpg"; size=4',
        '',
        'x',
      ),
    );
    expect(converted).toContain(`name*=utf-8''T%C3%BCr.jpg\r\n`);
    expect(converted.replaceAll('\r\n\t', ' ')).toContain(
      `attachment; filename*0*=utf-8''T%C3%BCr%20am%20Gartenh%C3%A4u; filename*1*=schen.jpg; size=4\r\n`,
    );
  });

  test('alone, where 8BITMIME is offered', async () => {
    const octets = message('Subject: Tür', 'Content-Type: message/global', '', 'Subject: Öl', '', 'ü');
    const converted = await gather(toAsciiFields(stream([octets])));
    expect(converted.toString()).toBe(
      'Subject: =?UTF-8?Q?T=C3=BCr?=\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?UTF-8?Q?=C3=96l?=\r\n\r\nü\r\n',
    );
  });
});

describe('parts', () => {
  const mixed = message(
    ...['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="b 1"', 'Content-Transfer-Encoding: 8bit', '', 'Präambel'],
    ...['--b 1', 'Content-Type: text/plain; charset=utf-8', '', 'grün', ''],
    ...['--b 1', 'Content-Type: application/octet-stream', 'Content-Transfer-Encoding: binary', '', '\u0000ü', 'x'],
    ...['--b 1', 'Content-Type: message/rfc822', 'Content-Transfer-Encoding: 8bit', '', 'Subject: in', '', 'außen'],
    ...['--b 1', 'kein Feld: grün'],
    ...['--b 1--', 'Epilög'],
  );

  test('each is converted as it needs', async () => {
    const converted = await convert(mixed);
    isSevenBit(converted);
    const part = readMime(converted);
    expect(part.fields.get('content-transfer-encoding')).toBe('7bit');
    const leaves = leavesOf(part);
    expect(leaves.map(({ content }) => utf8(content))).toEqual(['grün\r\n', '\u0000ü\r\nx', 'außen', 'kein Feld: grün']);
    expect(leaves.map(({ fields }) => fields.get('content-transfer-encoding'))).toEqual([
      'quoted-printable',
      'base64',
      'quoted-printable',
      'quoted-printable',
    ]);
    expect(part.parts[2]?.fields.get('content-transfer-encoding')).toBe('7bit');
    expect(leaves[2]?.fields.get('mime-version')).toBe('1.0');
  });

  test('wherever the stream is cut', async () => {
    const whole = await convert(mixed);
    expect(await convert(mixed, octetByOctet(mixed))).toBe(whole);
    await fc.assert(
      fc.asyncProperty(anyCuts(mixed.length), async (cuts) => {
        expect(await convert(mixed, cutAt(mixed, cuts))).toBe(whole);
      }),
    );
  });

  test('what is signed, and what is not, is known', async () => {
    const signed = (text: string, signature: string) =>
      message(...['Content-Type: multipart/signed; boundary=s', '', '--s', '', text, '--s', '', signature, '--s--']);
    expect(await survey(stream([signed('ü', 'x')]))).toMatchObject({ hasEightBit: true, hasEightBitSigned: true });
    expect(await survey(stream([mixed]))).toMatchObject({ hasEightBit: true, hasEightBitSigned: false });
  });

  test('without octets above 127 nothing is found', async () => {
    expect(await survey(stream([message('Subject: x', '', 'y')]))).toMatchObject({ hasEightBit: false });
  });
});

describe('any message', () => {
  const line = fc.string({
    unit: fc.constantFrom('a', ' ', '\t', '=', '.', 'ü', '門', '--', 'From ', '\0', '=C3', 'x'.repeat(90)),
    maxLength: 12,
  });
  const text = fc.array(line, { maxLength: 6 }).map((lines) => lines.join('\r\n'));
  const type = fc.constantFrom('text/plain; charset=utf-8', 'text/html', 'image/png; name="ö.png"', 'message/delivery-status', '');
  const label = fc.constantFrom('', '8bit', '7BIT', 'binary');
  type Tree = { readonly head: string; readonly content: string | readonly Tree[] };
  const leaf: fc.Arbitrary<Tree> = fc.tuple(type, label, text).map(([one, encoding, content]) => ({
    head: `${one === '' ? '' : `Content-Type: ${one}\r\n`}${encoding === '' ? '' : `Content-Transfer-Encoding: ${encoding}\r\n`}`,
    content,
  }));
  const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie('tree'), { minLength: 1, maxLength: 3 }).map((content) => ({ head: '', content })),
    ),
  })).tree;

  function write({ head, content }: Tree, name = 'b'): string {
    if (typeof content === 'string') return `${head}\r\n${content}`;
    const parts = content.map((part, at) => `\r\n--${name}\r\n${write(part, `${name}${at}`)}`);
    return `Content-Type: multipart/mixed; boundary=${name}\r\n\r\n${parts.join('')}\r\n--${name}--`;
  }

  const contents = ({ content }: Tree): readonly string[] => (typeof content === 'string' ? [content] : content.flatMap(contents));

  test('keeps its contents, in 7 bits', async () => {
    await fc.assert(
      fc.asyncProperty(tree, text, anyCuts(400), async (one, subject, cuts) => {
        const clean = subject.replace(/[\r\n\t\0]/g, '').trim();
        const octets = Buffer.from(`Subject: ${clean}\r\n${write(one)}\r\n`);
        const pieces = cutAt(octets, cuts);
        const converted = await convert(octets, pieces);
        isSevenBit(converted);
        const part = readMime(converted);
        const wanted = contents(one);
        expect(leavesOf(part).map(({ content }) => utf8(content))).toEqual(
          wanted.length === 1 && typeof one.content === 'string' ? [`${one.content}\r\n`] : wanted,
        );
        const again = await convert(Buffer.from(converted));
        expect(again).toBe(converted);
      }),
      { numRuns: 300 },
    );
  });

  test('of six megabytes takes little memory', async () => {
    const chunk = message('Tür '.repeat(200), '--', '', 'x');
    const count = 8_000;
    async function* large() {
      yield message('Content-Type: multipart/mixed; boundary=b', '', '--b', '');
      for (let at = 0; at < count; at++) yield chunk;
    }
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let octets = 0;
    for await (const one of toSevenBit(large(), await survey(large()))) {
      octets += one.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(octets).toBeGreaterThan(count * chunk.length);
    expect(most).toBeLessThan(48 * 2 ** 20);
  });
});

test('what nodemailer makes with attachments and 8-bit bodies', async () => {
  const root = new MimeNode('multipart/mixed', { newline: 'windows' });
  root.setHeader({ from: 'Haustür <cam@example.org>', subject: 'Bewegung an der Tür' });
  root.createChild('text/plain; charset=utf-8').setHeader('content-transfer-encoding', '8bit').setContent('Jemand ist an der Tür.\r\n');
  root.createChild('image/jpeg', { filename: 'Tür.jpg' }).setContent(Buffer.from([0xff, 0xd8, 0, 10, 13, 255]));
  const octets = await root.build();
  const before = leavesOf(readMime(octets.toString('latin1')));
  const converted = readMime(await convert(octets));
  expect(shownField(converted, 'subject')).toBe('Bewegung an der Tür');
  const after = leavesOf(converted);
  expect(utf8(after[0]?.content ?? '')).toContain('Jemand ist an der Tür.');
  expect(after[1]?.content).toBe(before[1]?.content);
});
