import { describe, expect, test } from 'vitest';
import { AddressReader } from '../../src/message/addresses.ts';
import { rewriteEnvelope, rewriteFields } from '../../src/message/rewrite.ts';
import type { Mailbox } from '../../src/smtp/address.ts';
import type { Envelope } from '../../src/smtp/envelope.ts';
import type { Rewriting } from '../../src/vocabulary/rewriting.ts';
import { fieldOf, linesOf } from '../support/fields.ts';

const NONE: Rewriting = { sender: undefined, recipient: undefined, defaultDomain: undefined };
const mailbox = (localPart: string, domain = ''): Mailbox => ({ localPart, domain });
const OWNER = mailbox('owner', 'example.org');

describe('the envelope', () => {
  const ENVELOPE: Envelope = {
    reversePath: mailbox('cam'),
    recipients: [{ forwardPath: mailbox('root'), notify: 'never', originalRecipient: 'rfc822;root' }, { forwardPath: mailbox('a', 'b') }],
    parameters: { body: '8BITMIME' },
  };

  test('nothing to rewrite', () => {
    expect(rewriteEnvelope(ENVELOPE, NONE)).toEqual(ENVELOPE);
  });

  test('a domain where there is none', () => {
    expect(rewriteEnvelope(ENVELOPE, { ...NONE, defaultDomain: 'd.example' })).toEqual({
      ...ENVELOPE,
      reversePath: mailbox('cam', 'd.example'),
      recipients: [{ ...ENVELOPE.recipients[0], forwardPath: mailbox('root', 'd.example') }, { forwardPath: mailbox('a', 'b') }],
    });
  });

  test("the owner's addresses; what the first recipient asked for stays, but for whom it was", () => {
    expect(rewriteEnvelope(ENVELOPE, { sender: OWNER, recipient: OWNER, defaultDomain: 'd.example' })).toEqual({
      ...ENVELOPE,
      reversePath: OWNER,
      givenSender: mailbox('cam', 'd.example'),
      recipients: [{ forwardPath: OWNER, notify: 'never' }],
    });
  });

  test('the empty reverse-path stays empty', () => {
    expect(rewriteEnvelope({ ...ENVELOPE, reversePath: null }, { ...NONE, sender: OWNER }).reversePath).toBeNull();
  });
});

describe('the fields', () => {
  const rewritten = (rewriting: Partial<Rewriting>, lines: readonly string[], isUtf8 = false) =>
    linesOf(rewriteFields(lines.map(fieldOf), { ...NONE, ...rewriting }, { isUtf8, addresses: new AddressReader() }));

  test('Bcc goes, whatever is configured', () => {
    expect(rewritten({}, ['To: a', 'BCC: b', 'Resent-Bcc: c', 'X-Bcc: d'])).toEqual(['To: a', 'X-Bcc: d']);
  });

  test('a domain where there is none, in fields with addresses', () => {
    expect(rewritten({ defaultDomain: 'd' }, ['From: a', 'Reply-To: b', 'Subject: c', 'X-To: d'])).toEqual([
      'From: a@d',
      'Reply-To: b@d',
      'Subject: c',
      'X-To: d',
    ]);
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['the name stays, and answers go to the device', ['From: Door <cam@lan>'], ['From: "Door" <owner@example.org>', 'Reply-To: <cam@lan>']],
    ['without a name the address is the name', ['From: cam@lan'], ['From: "cam@lan" <owner@example.org>', 'Reply-To: <cam@lan>']],
    ['several authors', ['From: a@b, c@d'], ['From: "a@b" <owner@example.org>', 'Reply-To: <a@b>, <c@d>']],
    ['a Reply-To with an address stays', ['Reply-To: x@y', 'From: a@b'], ['From: "a@b" <owner@example.org>', 'Reply-To: x@y']],
    ['one without does not', ['Reply-To: x', 'From: a@b'], ['From: "a@b" <owner@example.org>', 'Reply-To: <a@b>']],
    ['Sender goes', ['Sender: x@y', 'From: a@b', 'To: z'], ['From: "a@b" <owner@example.org>', 'Reply-To: <a@b>', 'To: z']],
    ['no From at all', ['To: z'], ['From: <owner@example.org>', 'To: z']],
    ['no address in it', ['From: Door'], ['From: "Door" <owner@example.org>']],
    ['the owner already', ['From: Me <owner@EXAMPLE.org>', 'Sender: x@y'], ['From: Me <owner@EXAMPLE.org>', 'Sender: x@y']],
  ])('%s', (_, lines, right) => {
    expect(rewritten({ sender: OWNER }, lines)).toEqual(right);
    expect(rewritten({ sender: OWNER }, right)).toEqual(right);
  });

  test('an address beyond ASCII is written only with SMTPUTF8', () => {
    const from = [Buffer.from('From: cam@tür.example').toString('latin1')];
    expect(rewritten({ sender: OWNER }, from)).toHaveLength(1);
    expect(rewritten({ sender: OWNER }, from, true)).toHaveLength(2);
  });
});
