import { expect, test } from 'vitest';
import type { Mailbox } from '../../src/smtp/address.ts';
import { type Envelope, needsSmtpUtf8, type Recipient, withoutNotifications, withRecipient } from '../../src/smtp/envelope.ts';

const mailbox = (localPart: string): Mailbox => ({ localPart, domain: 'b.example' });
const FIRST: Recipient = { forwardPath: mailbox('first'), notify: ['failure'], originalRecipient: 'rfc822;x@y' };
const ENVELOPE: Envelope = {
  reversePath: mailbox('cam'),
  recipients: [FIRST, { forwardPath: mailbox('second') }],
  parameters: { body: '8BITMIME', ret: 'full', envelopeId: 'E1' },
};

test('a recipient more', () => {
  const second = { forwardPath: mailbox('second') };
  expect(withRecipient([], FIRST)).toEqual([FIRST]);
  expect(withRecipient([FIRST], second)).toEqual([FIRST, second]);
});

test('the same recipient again keeps the parameters that it had', () => {
  const again: Recipient = { forwardPath: { ...mailbox('first'), domain: 'B.EXAMPLE' }, notify: 'never' };
  expect(withRecipient([FIRST], again)).toEqual([FIRST]);
});

test('without notifications: nobody is to send one, and what they are made of is gone', () => {
  expect(withoutNotifications(ENVELOPE)).toEqual({
    reversePath: mailbox('cam'),
    recipients: [
      { forwardPath: mailbox('first'), notify: 'never' },
      { forwardPath: mailbox('second'), notify: 'never' },
    ],
    parameters: { body: '8BITMIME' },
  });
});

test.each<[string, Partial<Envelope>, boolean]>([
  ['plain', {}, false],
  ['declared', { parameters: { smtpUtf8: true } }, true],
  ['an empty reverse-path', { reversePath: null }, false],
  ['the sender', { reversePath: mailbox('grün') }, true],
  ['a recipient', { recipients: [FIRST, { forwardPath: mailbox('grün') }] }, true],
])('needs SMTPUTF8: %s', (_, part, needs) => {
  expect(needsSmtpUtf8({ ...ENVELOPE, ...part })).toBe(needs);
});
