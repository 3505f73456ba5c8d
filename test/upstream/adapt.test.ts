// What a message becomes for an upstream that lacks an extension.

import { describe, expect, test } from 'vitest';
import type { Mailbox } from '../../src/smtp/address.ts';
import type { Envelope, MailParameters } from '../../src/smtp/envelope.ts';
import { type Adapted, adapt } from '../../src/upstream/adapt.ts';
import { type Capabilities, NO_CAPABILITIES } from '../../src/upstream/capabilities.ts';

const at = (localPart: string, domain = 'example.org'): Mailbox => ({ localPart, domain });

type Given = {
  readonly from?: Mailbox | null;
  readonly to?: readonly Mailbox[];
  readonly parameters?: MailParameters;
  readonly text?: string;
};

async function adapted(given: Given, offered: Partial<Capabilities> = {}): Promise<Adapted> {
  const [first = at('you'), ...rest] = given.to ?? [];
  const recipients: Envelope['recipients'] = [{ forwardPath: first }, ...rest.map((forwardPath) => ({ forwardPath }))];
  const envelope: Envelope = { reversePath: given.from ?? null, recipients, parameters: given.parameters ?? {} };
  const octets = Buffer.from(given.text ?? 'Subject: x\r\n\r\nhi\r\n');
  async function* body() {
    yield octets;
  }
  return adapt({ envelope, octets: octets.length, body }, { ...NO_CAPABILITIES, ...offered });
}

async function textOf({ message }: Adapted): Promise<string | undefined> {
  if (message === undefined) return undefined;
  const all: Uint8Array[] = [];
  for await (const chunk of message.body()) all.push(chunk);
  expect(message.octets).toBe(Buffer.concat(all).length);
  return Buffer.concat(all).toString();
}

const refusalsOf = ({ refusals }: Adapted) => refusals.map((one) => one?.failure.reply.status);

describe('8BITMIME', () => {
  const text = 'Subject: Tür\r\n\r\nTür\r\n';

  test('not offered: converted, and no longer declared', async () => {
    const result = await adapted({ text, parameters: { body: '8BITMIME' } });
    expect(await textOf(result)).toBe(
      'Subject: =?UTF-8?Q?T=C3=BCr?=\r\nContent-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n' +
        'Content-Transfer-Encoding: quoted-printable\r\n\r\nT=C3=BCr\r\n',
    );
    expect(result.message?.envelope.parameters).toEqual({ body: '7BIT' });
    expect(result.breaksSignature).toBe(false);
  });

  test('offered, or not needed: the octets as they are', async () => {
    expect(await textOf(await adapted({ text }, { eightBitMime: true }))).toBe(text);
    const plain = 'Content-Transfer-Encoding: 8bit\r\n\r\nhi\r\n';
    expect(await textOf(await adapted({ text: plain }))).toBe(plain);
  });

  test('a signature that breaks is reported', async () => {
    const signed = 'Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nTür\r\n--s--\r\n';
    expect((await adapted({ text: signed })).breaksSignature).toBe(true);
  });
});

describe('SMTPUTF8', () => {
  const offered = { eightBitMime: true };
  const declared = { smtpUtf8: true } as const;

  test('not offered: domains and fields in ASCII, the body as it is', async () => {
    const result = await adapted(
      { from: at('cam', 'bücher.example'), to: [at('you', '例え.example')], parameters: declared, text: 'Subject: Tür\r\n\r\nTür\r\n' },
      offered,
    );
    expect(result.message?.envelope).toEqual({
      reversePath: at('cam', 'xn--bcher-kva.example'),
      recipients: [{ forwardPath: at('you', 'xn--r8jz45g.example') }],
      parameters: {},
    });
    expect(await textOf(result)).toBe('Subject: =?UTF-8?Q?T=C3=BCr?=\r\n\r\nTür\r\n');
  });

  test('a recipient that has no ASCII form is refused, the others are not', async () => {
    const result = await adapted({ from: at('cam'), to: [at('you'), at('jürgen'), at('she')], parameters: declared }, offered);
    expect(result.message?.envelope.recipients).toEqual([{ forwardPath: at('you') }, { forwardPath: at('she') }]);
    expect(refusalsOf(result)).toEqual([undefined, '5.6.7', undefined]);
    expect(result.refusals[1]?.failure.advice).toContain('in front of the @');
  });

  test('a sender that has none: all are refused, with advice', async () => {
    const result = await adapted({ from: at('tür'), to: [at('you'), at('she')] }, offered);
    expect(result.message).toBeUndefined();
    expect(refusalsOf(result)).toEqual(['5.6.7', '5.6.7']);
    expect(result.refusals[0]?.failure.advice).toContain('GATEPOST_SENDER');
  });

  test('offered: all as it is', async () => {
    const given = { from: at('tür'), parameters: declared, text: 'Subject: Tür\r\n\r\n' };
    const result = await adapted(given, { ...offered, smtpUtf8: true });
    expect(result.message?.envelope.parameters).toEqual(declared);
    expect(await textOf(result)).toBe(given.text);
  });
});

test('too large: advice with the number', async () => {
  const result = await adapted({ text: 'x'.repeat(200) }, { sizeLimit: 100 });
  expect(refusalsOf(result)).toEqual(['5.3.4']);
  expect(result.refusals[0]?.failure.advice).toContain('100 octets');
});

test('too large only once it is converted', async () => {
  const text = `\r\n${'ü'.repeat(40)}xx${'y'.repeat(90)}\r\n`;
  expect(refusalsOf(await adapted({ text }, { sizeLimit: 250 }))).toEqual(['5.3.4']);
  expect(refusalsOf(await adapted({ text }, { sizeLimit: 250, eightBitMime: true }))).toEqual([undefined]);
});

test('BINARYMIME that is not offered is refused', async () => {
  expect(refusalsOf(await adapted({ parameters: { body: 'BINARYMIME' } }, { eightBitMime: true }))).toEqual(['5.6.3']);
});
