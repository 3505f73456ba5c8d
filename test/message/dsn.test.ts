// Loaded beforehand, so that no test's time is spent on it.
import 'nodemailer/lib/mime-node';
import { expect, test } from 'vitest';
import { composeNotification, type Notification } from '../../src/message/dsn.ts';
import type { WallTime } from '../../src/system/clock.ts';

async function* inPieces(text: string, size: number) {
  const octets = Buffer.from(text, 'latin1');
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}

async function compose(returned: Notification['returned'], to = 'cam'): Promise<string> {
  const stream = await composeNotification({
    action: 'failed',
    id: 'ID1',
    hostname: 'gate.example',
    from: { localPart: 'MAILER-DAEMON', domain: 'gate.example' },
    to: { localPart: to, domain: 'lan.example' },
    reports: [{ recipient: { forwardPath: { localPart: 'jörg', domain: 'd.example' } }, status: '5.1.1', remarks: ['straße'] }],
    envelopeId: undefined,
    time: Date.UTC(2026, 10, 24, 12) as WallTime,
    unique: 'unique',
    returned,
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

// A message of BODY=BINARYMIME may hold anything; the notification goes by DATA, where a bare CR is a danger.
const BINARY = `Subject: x\r\n\r\na\r.\rb\n.\nc\r\r\n.\r\n\r.\r\n${'\xfc'.repeat(2_500)}\r\n`;

test.each([1, 7, 100_000])('a returned message has lines, and short ones (pieces of %i)', async (size) => {
  const text = await compose({ what: 'full', octets: inPieces(BINARY, size) });
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
  expect(text).toContain('\r\na\r\n.\r\nb\r\n.\r\nc\r\n.\r\n\r\n.\r\n\xfc');
  expect(text.split('\xfc')).toHaveLength(2_501);
});

test('what holds 8 bits says so, from the inside out (RFC 2045, section 6.4)', async () => {
  const text = await compose({ what: 'full', octets: inPieces('Subject: \xfc\r\n\r\n\xfc\r\n', 9) });
  const [head = '', ...parts] = text.split('--');
  expect(head).toMatch(/^Content-Transfer-Encoding: 8bit\r$/m);
  expect(parts.find((part) => part.includes('message/rfc822'))).toMatch(/^Content-Transfer-Encoding: 8bit\r$/m);
});

test('a header section that is returned is ASCII, whatever it was', async () => {
  const text = await compose({ what: 'headers', octets: Buffer.from(`Subject: \xfc\ra\nb${'z'.repeat(2_000)}\r\n`, 'latin1') });
  expect(text).not.toMatch(/[\x80-\xff]/);
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
  expect(text).not.toMatch(/^Content-Transfer-Encoding: 8bit/m);
  expect(text).toContain('Subject: =?UTF-8?');
});
