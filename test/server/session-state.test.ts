import { describe, expect, test } from 'vitest';
import { incomingOf, isProgress, ready, type Session, start } from '../../src/server/session-state.ts';
import type { MailParameters } from '../../src/smtp/envelope.ts';

const channel = { isSecure: false, user: undefined };
const hello = { verb: 'EHLO', name: 'cam' } as const;
const reversePath = { localPart: 'a', domain: 'b' };
const recipients = [{ forwardPath: { localPart: 'c', domain: 'd' } }] as const;
const withRecipients = { ...channel, hello, reversePath, size: 5, parameters: {}, phase: 'rcpt', recipients } as const;
const two = { ...withRecipients, recipients: [recipients[0], { forwardPath: { localPart: 'e', domain: 'f' } }] } as const;
const mail: Session = { ...channel, hello, reversePath, size: 5, parameters: {}, phase: 'mail' };

test('RSET leaves the channel and the introduction', () => {
  expect(ready({ ...withRecipients, isSecure: true, user: 'cam' })).toEqual({ phase: 'ready', isSecure: true, user: 'cam', hello });
  expect(ready(start(true))).toEqual(start(true));
});

test.each<[string, Session, Session, boolean]>([
  ['EHLO', start(false), ready(mail), false],
  ['MAIL', ready(mail), mail, true],
  ['a recipient', mail, withRecipients, true],
  ['one more recipient', withRecipients, two, true],
  ['the same recipient again', withRecipients, withRecipients, false],
  ['RSET', two, ready(two), false],
])('%s brings a message nearer: $3', (_, before, after, brings) => expect(isProgress(before, after)).toBe(brings));

describe('the with clause (RFC 3848, RFC 6531)', () => {
  test.each<['EHLO' | 'HELO', boolean, string | undefined, MailParameters, string]>([
    ['HELO', false, undefined, {}, 'SMTP'],
    ['EHLO', false, undefined, {}, 'ESMTP'],
    ['HELO', true, undefined, {}, 'ESMTPS'],
    ['EHLO', true, undefined, {}, 'ESMTPS'],
    ['EHLO', false, 'cam', {}, 'ESMTPA'],
    ['EHLO', true, 'cam', {}, 'ESMTPSA'],
    ['EHLO', false, undefined, { smtpUtf8: true }, 'UTF8SMTP'],
    ['EHLO', true, 'cam', { smtpUtf8: true }, 'UTF8SMTPSA'],
  ])('%s, TLS %s, user %s, %j: %s', (verb, isSecure, user, parameters, protocol) => {
    const session = { ...withRecipients, hello: { verb, name: 'cam' }, isSecure, user, parameters };
    expect(incomingOf(session)).toEqual({
      envelope: { reversePath, recipients, parameters },
      hello: { verb, name: 'cam' },
      declared: 5,
      protocol,
    });
  });
});
