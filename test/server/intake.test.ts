import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Intake, type Origin } from '../../src/server/intake.ts';
import { DataDecoder } from '../../src/smtp/data-decoder.ts';
import type { Envelope, MailParameters } from '../../src/smtp/envelope.ts';
import type { WallTime } from '../../src/system/clock.ts';
import type { Rewriting } from '../../src/vocabulary/rewriting.ts';
import { NO_REWRITING, sizeLimitOf } from '../support/dialogs/access.ts';
import { type MemoryStore, memoryStore } from '../support/fakes/store.ts';

const ORIGIN: Origin = {
  hello: 'cam',
  address: '192.0.2.7',
  protocol: 'ESMTP',
  hostname: 'gate.example',
  time: Date.UTC(2026, 10, 24, 12) as WallTime,
};
const HEADER = 'Date: Tue, 24 Nov 2026 11:59:00 +0000\r\nFrom: a@b.example\r\nMessage-ID: <1@cam>\r\n';

/** An intake, and how often its draft was written to. */
function begin(store: MemoryStore, parameters: MailParameters = {}, rewriting: Rewriting = NO_REWRITING, size = 1_000_000) {
  const envelope: Envelope = {
    reversePath: { localPart: 'a', domain: 'b.example' },
    recipients: [{ forwardPath: { localPart: 'c', domain: 'd.example' } }],
    parameters,
  };
  let writes = 0;
  const counting: MemoryStore = {
    ...store,
    draft: (declared, device) => {
      const draft = store.draft(declared, device);
      return {
        ...draft,
        write: (slice) => {
          writes += 1;
          return draft.write(slice);
        },
      };
    },
  };
  return {
    intake: new Intake({ store: counting, sizeLimit: sizeLimitOf(size), envelope, declared: 0, origin: ORIGIN, rewriting }),
    writes: () => writes,
  };
}

const bodyOf = (store: MemoryStore) => store.messages.at(-1)?.octets.toString('latin1').split(HEADER)[1];

test.each([
  ['text', 'The quick brown fox jumps over the lazy dog.\r\n'],
  ['bare LF', '\n'],
  ['bare CR', '\r'],
  ['short lines with LF', 'ab\n'],
  ['stuffed dots', '..\r\n'],
  ['one line', 'a'],
  ['long lines', `${'a'.repeat(1_500)}\n`],
])('%s: a few awaited writes a chunk', async (_, unit) => {
  const store = memoryStore();
  const { intake, writes } = begin(store);
  const decoder = new DataDecoder('crlf');
  const chunk = Buffer.from(unit.repeat(Math.floor(65_536 / unit.length)));
  await intake.write(Buffer.from(`${HEADER}\r\n`));
  for (let count = 0; count < 4; count++) for (const slice of decoder.decode(chunk).body) await intake.write(slice);
  expect(await intake.finish()).toBeUndefined();
  expect(writes()).toBeLessThanOrEqual(4 * 36);
});

test('a line too long is folded, in the header section and in the body; the size that counts is what came', async () => {
  const store = memoryStore();
  const { intake } = begin(store);
  const octets = Buffer.from(`${HEADER}X: ${'x'.repeat(1_500)}\r\n\r\n${'y'.repeat(1_500)}\r\n`);
  await intake.write(octets);
  expect(await intake.finish()).toBeUndefined();
  expect(bodyOf(store)).toBe(`X: ${'x'.repeat(995)}\r\n ${'x'.repeat(505)}\r\n\r\n${'y'.repeat(998)}\r\n ${'y'.repeat(502)}\r\n`);
  expect(intake.octets).toBe(octets.length);
});

test('BINARYMIME has no lines', async () => {
  const store = memoryStore();
  const { intake } = begin(store, { body: 'BINARYMIME' });
  await intake.write(Buffer.from(`${HEADER}\r\n\r\n\n${'y'.repeat(3_000)}`));
  expect(await intake.finish()).toBeUndefined();
  expect(bodyOf(store)).toBe(`\r\n\r\n\n${'y'.repeat(3_000)}`);
});

test('a message of just the limit may be folded, and stored; one that folding makes much larger is too large', async () => {
  const store = memoryStore();
  const of = (octets: number) => Buffer.from(`${HEADER}\r\n${'y'.repeat(octets - HEADER.length - 2)}`);
  const small = begin(store).intake;
  await small.write(of(900_000));
  expect(await small.finish()).toBeUndefined();
  const large = begin(store).intake;
  await large.write(of(1_000_000));
  expect(await large.finish()).toBeUndefined();
  const larger = begin(store, {}, NO_REWRITING, 3_000_000).intake;
  await larger.write(of(3_000_000));
  expect(await larger.finish()).toMatchObject({ code: 552, status: '5.3.4' });
  expect(store.messages).toHaveLength(2);
  expect(store.open).toBe(0);
});

test('a header section that grows out of its bounds is too large', async () => {
  const store = memoryStore();
  const rewriting = { ...NO_REWRITING, defaultDomain: `${'long.'.repeat(40)}example` };
  const { intake } = begin(store, {}, rewriting);
  await intake.write(Buffer.from(`${HEADER}To: ${'a,'.repeat(1_000)}\r\n\r\n`));
  expect(await intake.finish()).toMatchObject({ code: 552, status: '5.3.4', text: expect.stringContaining('header section') });
});

const part = fc.oneof(
  fc.constantFrom(
    '\r\n',
    '\r\n\r\n',
    'Subject: x\r\n',
    'To: root, Bü <x@y>\r\n',
    'To: a@b (\r\n',
    'From: T\xfcr <cam>\r\n',
    'Date: now\r\n',
    'text',
    ' ',
    '\ufeff',
    ',',
    '"',
  ),
  fc.constantFrom(
    'From cam\r\n',
    'Message-ID: x\r\n',
    'MIME-Version:\r\n',
    'Content-Type: a/b\r\n',
    'From: a@b, c@d\r\n',
    '12:05 door\r\n',
    'Cc:\r\n',
    'X :',
  ),
  fc.tuple(fc.constantFrom('a', 'ü', 'a ', 'b,', '<'), fc.integer({ min: 300, max: 700 })).map(([unit, times]) => unit.repeat(times)),
);

test('a message that went through goes through as it is: but for the trace field nothing changes', { timeout: 60_000 }, async () => {
  const sender = { localPart: 'alerts', domain: 'example.org' };
  const rewritings = [
    NO_REWRITING,
    { ...NO_REWRITING, sender },
    { ...NO_REWRITING, defaultDomain: 'example.org' },
    { ...NO_REWRITING, sender, defaultDomain: 'example.org' },
  ];
  const through = async (octets: Uint8Array, rewriting: (typeof rewritings)[number]) => {
    const store = memoryStore();
    const { intake } = begin(store, {}, rewriting);
    await intake.write(octets);
    expect(await intake.finish()).toBeUndefined();
    const stored = store.messages[0]?.octets.toString('latin1') ?? '';
    return Buffer.from(stored.replace(/^Received: .*\r\n(?:[ \t].*\r\n)*/, ''), 'latin1');
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 14 }),
      fc.constantFrom(...rewritings),
      fc.constantFrom<BufferEncoding>('utf8', 'latin1'),
      async (parts, rewriting, encoding) => {
        const once = await through(Buffer.from(parts.join(''), encoding), rewriting);
        expect((await through(once, rewriting)).toString('latin1')).toBe(once.toString('latin1'));
        for (const line of once.toString('latin1').split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
      },
    ),
    { numRuns: 3000 },
  );
});
