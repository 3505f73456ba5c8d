// What EHLO lists and HELP names, for each channel and policy; what MAIL, RCPT and DATA are refused with.

import { describe, expect, test } from 'vitest';
import type { Policy } from '../../src/server/access.ts';
import { offeredExtensions, offeredVerbs, refuseData, refuseMail, refuseRecipient } from '../../src/server/extensions.ts';
import * as replies from '../../src/server/replies.ts';
import { createAuthenticator } from '../../src/server/users.ts';
import { parseCommand } from '../../src/smtp/command.ts';
import { sessionParts, sizeLimitOf, tlsWith } from '../support/dialogs/access.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const policyOf = (more: Partial<Policy> = {}): Policy => ({
  ...sessionParts({
    settings: { startTls: 'offered', maxRecipients: 7 },
    sizeLimit: sizeLimitOf(5_000),
    passedOn: { smtpUtf8: true, binaryMime: true },
    tls: tlsWith({} as never),
    authenticator: createAuthenticator('any', [], fakeClock()),
  }).access.policy(),
  ...more,
});
const PLAIN = { isSecure: false, user: undefined };
const ALWAYS = ['PIPELINING', 'SIZE 5000', '8BITMIME', 'CHUNKING', 'DSN', 'ENHANCEDSTATUSCODES', 'LIMITS RCPTMAX=7', 'ETRN', 'HELP'];

test('all that there is', () => {
  expect(offeredExtensions(PLAIN, policyOf())).toEqual([
    'PIPELINING',
    'SIZE 5000',
    '8BITMIME',
    'CHUNKING',
    'BINARYMIME',
    'SMTPUTF8',
    'DSN',
    'ENHANCEDSTATUSCODES',
    'STARTTLS',
    'AUTH PLAIN LOGIN CRAM-MD5',
    'LIMITS RCPTMAX=7',
    'ETRN',
    'HELP',
  ]);
  expect(offeredVerbs(PLAIN, policyOf()).join(' ')).toBe('EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY ETRN STARTTLS AUTH HELP QUIT');
});

const NOTHING = { smtpUtf8: false, binaryMime: false };

test.each([
  ['nothing that is passed on', PLAIN, { passedOn: NOTHING, hasTls: false, mechanisms: [] }, []],
  ['no TLS under TLS', { ...PLAIN, isSecure: true }, { passedOn: NOTHING, mechanisms: [] }, []],
  ['no login twice', { isSecure: true, user: 'cam' }, { passedOn: NOTHING }, []],
  ['no login before TLS where that is required', PLAIN, { passedOn: NOTHING, isTlsRequired: true }, ['STARTTLS']],
])('%s', (_, channel, more, extra) => {
  const offered = offeredExtensions(channel, policyOf(more));
  expect(offered.filter((one) => !ALWAYS.includes(one))).toEqual(extra);
  expect(offered.filter((one) => ALWAYS.includes(one))).toEqual(ALWAYS);
  expect(offeredVerbs(channel, policyOf(more)).filter((verb) => verb === 'STARTTLS' || verb === 'AUTH')).toEqual(extra);
});

describe('refusals', () => {
  const mail = (line: string, more?: Partial<Policy>) => {
    const command = parseCommand(Buffer.from(line));
    if (!('verb' in command) || command.verb !== 'MAIL' || 'malformed' in command) throw new Error(`${line} is no MAIL`);
    const { reversePath, parameters } = command;
    if (reversePath !== null && 'unreadable' in reversePath) throw new Error(`${line} has no path`);
    return refuseMail({ reversePath, parameters }, policyOf(more));
  };
  const without = { passedOn: NOTHING };
  test.each([
    ['MAIL FROM:<a@b> BODY=8BITMIME RET=HDRS', without, undefined],
    ['MAIL FROM:<> BODY=BINARYMIME SMTPUTF8', {}, undefined],
    ['MAIL FROM:<a@b> BODY=BINARYMIME', without, replies.notOffered('BODY=BINARYMIME')],
    ['MAIL FROM:<ü@b> SMTPUTF8', without, replies.notOffered('SMTPUTF8')],
    ['MAIL FROM:<ü@b> SMTPUTF8', {}, undefined],
    ['MAIL FROM:<ü@b>', {}, replies.utf8NotDeclared],
  ])('%s %j', (line, more, refusal) => expect(mail(line, more)).toEqual(refusal));

  test('a recipient needs what MAIL has not declared', () => {
    const recipient = { localPart: 'ü', domain: 'd' };
    expect(refuseRecipient(recipient, {})).toEqual(replies.utf8NotDeclared);
    expect(refuseRecipient(recipient, { smtpUtf8: true })).toBeUndefined();
    expect(refuseRecipient({ localPart: 'c', domain: 'd' }, {})).toBeUndefined();
  });

  test('BINARYMIME goes by BDAT', () => {
    expect(refuseData({ body: 'BINARYMIME' })).toEqual(replies.noBinary);
    expect(refuseData({ body: '8BITMIME' })).toBeUndefined();
  });
});
