// What is malformed is in command.test.ts; here each parameter is read, and written for a next hop.

import { expect, test } from 'vitest';
import {
  formatMailParameters,
  formatRcptParameters,
  type ParameterSupport,
  parseMailParameters,
  parseRcptParameters,
} from '../../src/smtp/parameters.ts';

const ALL: ParameterSupport = { size: true, eightBitMime: true, binaryMime: true, smtpUtf8: true, dsn: true };
const NONE: ParameterSupport = { size: false, eightBitMime: false, binaryMime: false, smtpUtf8: false, dsn: false };
const words = (text: string) => text.split(' ').filter((word) => word !== '');

test.each([
  ['', {}, ' SIZE=9'],
  ['BODY=7BIT', { body: '7BIT' }, ' SIZE=9'],
  ['body=8bitmime', { body: '8BITMIME' }, ' SIZE=9 BODY=8BITMIME'],
  ['BODY=BINARYMIME', { body: 'BINARYMIME' }, ' SIZE=9 BODY=BINARYMIME'],
  ['SMTPUTF8', { smtpUtf8: true }, ' SIZE=9 SMTPUTF8'],
  ['RET=full ENVID=a+2Bb', { ret: 'full', envelopeId: 'a+b' }, ' SIZE=9 RET=FULL ENVID=a+2Bb'],
  ['RET=HDRS', { ret: 'headers' }, ' SIZE=9 RET=HDRS'],
  ['AUTH=a+40b', {}, ' SIZE=9'],
])('MAIL %j', (text, parameters, written) => {
  const parsed = parseMailParameters(words(text));
  expect(parsed).toEqual({ size: undefined, parameters });
  if ('malformed' in parsed) return;
  expect(formatMailParameters(parsed.parameters, 9, parsed.parameters.smtpUtf8 === true, ALL)).toBe(written);
  expect(formatMailParameters(parsed.parameters, 9, true, NONE)).toBe('');
});

test.each([
  ['', {}, ''],
  ['NOTIFY=NEVER', { notify: 'never' }, ' NOTIFY=NEVER'],
  ['NOTIFY=delay,SUCCESS,delay', { notify: ['delay', 'success'] }, ' NOTIFY=DELAY,SUCCESS'],
  ['ORCPT=rfc822;a+2Bb@c', { originalRecipient: 'rfc822;a+b@c' }, ' ORCPT=rfc822;a+2Bb@c'],
])('RCPT %j', (text, parameters, written) => {
  const parsed = parseRcptParameters(words(text));
  expect(parsed).toEqual(parameters);
  if ('malformed' in parsed) return;
  const recipient = { forwardPath: { localPart: 'a', domain: 'b' }, ...parsed };
  expect(formatRcptParameters(recipient, ALL)).toBe(written);
  expect(formatRcptParameters(recipient, NONE)).toBe('');
});
