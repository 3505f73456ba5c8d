// Records: what goes in comes out, and what does not say what this release expects is refused with its reason.

import { describe, expect, test } from 'vitest';
import type { Envelope } from '../../src/smtp/envelope.ts';
import { decodeCommit, decodeFacts, decodeOutcome, encodeRecord, UnexpectedRecord } from '../../src/spool/records.ts';
import type { WallTime } from '../../src/system/clock.ts';

const mailbox = { localPart: 'a b', domain: 'example.org' };
const envelope: Envelope = {
  reversePath: mailbox,
  recipients: [{ forwardPath: mailbox }, { forwardPath: mailbox, notify: ['failure', 'delay'], originalRecipient: 'rfc822;x@y' }],
  parameters: { body: '8BITMIME', smtpUtf8: true, ret: 'headers', envelopeId: 'id' },
};
const commit = { envelope, device: '192.0.2.1', received: 1_700_000_000_000 as WallTime, running: 12 };
const count = { octets: 1, syncs: 2 };
const facts = { instance: 'cafe0001', nextNumber: 7, running: 8 };

describe('what goes in comes out', () => {
  test.each([
    ['a commit', commit],
    [
      'of a notification',
      { ...commit, envelope: { reversePath: null, recipients: [{ forwardPath: mailbox, notify: 'never' }], parameters: {} } },
    ],
  ] as const)('%s', (_what, record) => expect(decodeCommit(encodeRecord(record as typeof commit))).toEqual(record));

  test.each([
    ['an outcome of an older release', { attempts: 1, settled: [] }],
    ['an outcome', { attempts: 3, settled: [0, 4], warned: true, running: 9 }],
  ])('%s', (_what, record) => expect(decodeOutcome(encodeRecord(record))).toEqual(record));

  test.each([
    ['the facts of a new spool', facts],
    ['facts', { ...facts, newest: 9, flash: { total: count, today: count, day: 3 }, upstream: { smtpUtf8: true, binaryMime: false } }],
    ['facts with a size', { ...facts, upstream: { size: 5, smtpUtf8: false, binaryMime: true } }],
  ])('%s', (_what, record) => expect(decodeFacts(encodeRecord(record))).toEqual(record));
});

test('what a later release of the format has added is ignored', () => {
  const later = { ...commit, priority: 1, envelope: { ...envelope, parameters: { ...envelope.parameters, by: 5 } } };
  expect(decodeCommit(Buffer.from(JSON.stringify(later)))).toEqual(commit);
});

describe('what is not as expected is refused, with the place', () => {
  test.each<readonly [string, (payload: Buffer) => unknown, unknown, RegExp]>([
    ['no recipient', decodeCommit, { ...commit, envelope: { ...envelope, recipients: [] } }, /a commit record .*envelope\.recipients/],
    ['no device', decodeCommit, { ...commit, device: undefined }, /device/],
    [
      'an unknown body type',
      decodeCommit,
      { ...commit, envelope: { ...envelope, parameters: { body: '9BIT' } } },
      /envelope\.parameters\.body/,
    ],
    ['a number as text', decodeOutcome, { attempts: '1', settled: [] }, /an outcome record .*attempts/],
    ['null', decodeOutcome, null, /all of it/],
    ['facts without a number', decodeFacts, { ...facts, nextNumber: null }, /facts .*nextNumber/],
  ])('%s', (_what, decode, record, reason) => {
    const attempt = () => decode(Buffer.from(JSON.stringify(record)));
    expect(attempt).toThrow(UnexpectedRecord);
    expect(attempt).toThrow(reason);
  });

  test('no JSON', () => expect(() => decodeCommit(Buffer.from('{'))).toThrow(/a commit record is not JSON/));
});
