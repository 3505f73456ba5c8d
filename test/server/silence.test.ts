// Who holds a connection and says nothing makes room for others, whatever the session waits for.

import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { Conversation } from '../../src/server/session.ts';
import { createAuthenticator } from '../../src/server/users.ts';
import { type SessionOptions, sessionParts } from '../support/dialogs/access.ts';
import { fakeClock, settled } from '../support/fakes/clock.ts';
import { memoryStore } from '../support/fakes/store.ts';

/** A session that has sent `text`, and its clock, which starts when that was sent. */
async function say(text: string, own: SessionOptions = {}) {
  const clock = fakeClock();
  const [device, server] = duplexPair();
  let replies = '';
  device.on('data', (octets: Buffer) => {
    replies += octets.toString('latin1');
  });
  const parts = sessionParts({ clock, authenticator: createAuthenticator('any', [], clock), ...own });
  const session = new Conversation(server, '192.0.2.7', false, parts);
  const ended = session.run();
  device.write(text);
  await settled();
  const started = clock.now();
  return {
    clock,
    device,
    session,
    ended,
    replies: () => replies,
    expendableAfter: () => session.expendableAt && session.expendableAt - started,
  };
}

const ENVELOPE = 'EHLO cam\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n';

test.each([
  ['a command', 'EHLO cam\r\n', 10_000],
  ['the rest of a command', 'EHLO cam\r\nNOO', 10_000],
  ['an answer to AUTH', 'EHLO cam\r\nAUTH LOGIN\r\n', 10_000],
  ['the end of the wait after errors', `EHLO cam\r\n${'FOO\r\n'.repeat(30)}`, 10_000],
  ['a message', `${ENVELOPE}DATA\r\n`, 30_000],
  ['the rest of a message', `${ENVELOPE}DATA\r\nSubject: x\r\n`, 30_000],
  ['a chunk', `${ENVELOPE}BDAT 100000\r\n`, 30_000],
  ['a chunk that is refused', 'EHLO cam\r\nBDAT 100000\r\n', 30_000],
  ['the next chunk', `${ENVELOPE}BDAT 1\r\nx`, 10_000],
])('a session that waits for %s', async (_, text, milliseconds) => {
  const { clock, session, ended, expendableAfter, replies } = await say(text);
  expect(expendableAfter()).toBe(milliseconds);
  await clock.advance(milliseconds - 1);
  expect(expendableAfter()).toBe(milliseconds);
  session.expire();
  await clock.advance(3_000);
  await ended;
  expect(replies()).toMatch(/421 4\.4\.2 [^\r\n]*\r\n$/);
});

test('whoever goes on with a message is not silent; whoever drips a command is', async () => {
  const message = await say(`${ENVELOPE}DATA\r\n`);
  const command = await say('EHLO cam\r\n');
  for (const { clock, device } of [message, command]) {
    await clock.advance(8_000);
    device.write('x');
    await settled();
  }
  expect(message.expendableAfter()).toBe(38_000);
  expect(command.expendableAfter()).toBe(10_000);
});

test('a session that waits for the flash is not silent', async () => {
  const store = memoryStore();
  const slow = {
    ...store,
    room: store.room.bind(store),
    draft: (declared: number, device: string) => {
      const draft = store.draft(declared, device);
      return { ...draft, id: draft.id, write: () => new Promise<never>(() => {}) };
    },
  };
  const { expendableAfter } = await say(`${ENVELOPE}DATA\r\nSubject: x\r\n\r\n${'x'.repeat(1_000)}`, { store: slow as never });
  expect(expendableAfter()).toBeUndefined();
});
