// Any byte stream, cut at any points into packets, gets the same replies and leaves the same octets in
// the store as when it comes in one piece. And no stream makes the session fail.

import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Conversation } from '../../src/server/session.ts';
import { createAuthenticator } from '../../src/server/users.ts';
import { sessionParts, sizeLimitOf } from '../support/dialogs/access.ts';
import { fakeClock, settled } from '../support/fakes/clock.ts';
import { collectNews } from '../support/fakes/news.ts';
import { memoryStore } from '../support/fakes/store.ts';

async function converse(pieces: readonly Buffer[]) {
  const clock = fakeClock();
  const store = memoryStore();
  const news = collectNews();
  const [device, server] = duplexPair();
  let replies = '';
  device.on('data', (chunk: Buffer) => {
    replies += chunk.toString('latin1');
  });
  device.on('error', () => {});
  const parts = sessionParts({
    settings: { maxRecipients: 3 },
    passedOn: { smtpUtf8: true, binaryMime: true },
    store,
    sizeLimit: sizeLimitOf(300),
    authenticator: createAuthenticator('any', [], clock),
    clock,
    tell: news.tell,
  });
  const ended = new Conversation(server, '192.0.2.7', false, parts).run();
  for (const piece of pieces) {
    if (!device.writable) break;
    device.write(piece);
    await settled();
  }
  device.end();
  await clock.advance(600_000); // waits after errors, and the end
  await ended;
  return {
    replies,
    stored: store.messages.map(({ octets, envelope }) => ({ octets: octets.toString('latin1'), envelope })),
    open: store.open,
    faults: news.of('fault'),
  };
}

const fragment = fc.constantFrom(
  'EHLO cam\r\n',
  'HELO x\r\n',
  'EHLO y\n',
  'MAIL FROM:<a@b.example>\r\n',
  'MAIL FROM:<a@b.example> SIZE=20 BODY=BINARYMIME\r\n',
  'RCPT TO:<c@d.example>\r\n',
  'RCPT TO:<>\r\n',
  'DATA\r\n',
  'BDAT 5\r\n',
  'BDAT 9 LAST\r\n',
  'BDAT 0 LAST\r\n',
  'RSET\r\n',
  'NOOP\r\n',
  'AUTH PLAIN\r\n',
  'AUTH LOGIN\r\n',
  '*\r\n',
  'AGEAYg==\r\n',
  'QUIT\r\n',
  'STARTTLS\r\n',
  'ETRN x\r\n',
  'FROB\r\n',
  'Subject: x\r\n',
  '\r\n',
  '\n',
  '\r',
  '.\r\n',
  '.\n',
  '.\r\r\n',
  '\r\n.\r\n',
  '.',
  '\0',
  'text',
  'x'.repeat(200),
  ' folded\r\n',
  'Received: x\r\n',
);
const opening = fc.constantFrom(
  '',
  'EHLO cam\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n',
  'EHLO cam\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n',
  'EHLO cam\nMAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n',
  'EHLO cam\r\r\nMAIL FROM:<a@b>\r\r\nRCPT TO:<c@d>\r\r\nDATA\r\r\n',
);

test('the same replies and the same stored octets, wherever the packets are cut', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      opening,
      fc.array(fragment, { maxLength: 14 }),
      fc.array(fc.nat(400), { maxLength: 6 }),
      async (start, fragments, cuts) => {
        const octets = Buffer.from(start + fragments.join(''), 'latin1');
        const places = [0, ...cuts.map((cut) => Math.min(cut, octets.length)).sort((one, other) => one - other), octets.length];
        const pieces = places.slice(1).map((end, at) => octets.subarray(places[at], end));
        const whole = await converse([octets]);
        expect(await converse(pieces.filter((piece) => piece.length > 0))).toEqual(whole);
        expect(whole.open).toBe(0);
        expect(whole.faults).toEqual([]);
      },
    ),
    { numRuns: 400 },
  );
});

test('no octets make a session fail', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      opening,
      fc.array(fc.oneof(fragment, fc.string({ unit: 'binary', maxLength: 30 })), { maxLength: 12 }),
      async (start, noise) => {
        const { faults, open, replies } = await converse([Buffer.from(start + noise.join(''))]);
        expect(faults).toEqual([]);
        expect(open).toBe(0);
        for (const line of replies.split('\r\n').slice(0, -1)) expect(line).toMatch(/^\d{3}[ -][^\r\n]*$|^\d{3}$/);
      },
    ),
    { numRuns: 300 },
  );
});
