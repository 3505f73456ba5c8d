import { describe, expect, test } from 'vitest';
import { AddressReader } from '../../src/message/addresses.ts';
import { missingFields, type RepairContext, repairDate, repairFrom } from '../../src/message/repair.ts';
import type { Mailbox, ReversePath } from '../../src/smtp/address.ts';
import type { WallTime } from '../../src/system/clock.ts';
import { fieldOf, linesOf } from '../support/fields.ts';

const NOON = Date.UTC(2026, 10, 24, 12) as WallTime;
const CAM: Mailbox = { localPart: 'cam', domain: 'lan.example' };
const context = (reversePath: ReversePath = CAM): RepairContext => ({
  hostname: 'gate.example',
  id: 'ID1',
  time: NOON,
  envelope: { reversePath, recipients: [{ forwardPath: CAM }], parameters: {} },
});

describe('what is missing', () => {
  const missing = (lines: readonly string[], before = lines, reversePath?: ReversePath) =>
    missingFields(lines.map(fieldOf), before.map(fieldOf), context(reversePath)).map(String);
  const DATE = 'Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n';
  const FROM = 'From: <cam@lan.example>\r\n';
  const ID = 'Message-ID: <ID1@gate.example>\r\n';

  test.each<[string, readonly string[], readonly string[]]>([
    ['all', [], [DATE, FROM, ID]],
    ['nothing', ['date: x', 'FROM: x', 'Message-Id: x'], []],
    ['one', ['Date: x', 'Message-ID: x'], [FROM]],
  ])('%s', (_, lines, added) => {
    expect(missing(lines)).toEqual(added);
  });

  test('a message without reverse-path is from this host', () => {
    expect(missing(['Date: x', 'Message-ID: x'], [], null)).toEqual(['From: <MAILER-DAEMON@gate.example>\r\n']);
  });

  test('MIME-Version, when it came without content and there is MIME', () => {
    const whole = ['Date: x', 'From: x', 'Message-ID: x'];
    const mime = [...whole, 'Content-Type: x'];
    expect(missing(mime, [...mime, 'Mime-Version:'])).toEqual(['MIME-Version: 1.0\r\n']);
    expect(missing(mime, mime)).toEqual([]);
    expect(missing(whole, [...whole, 'Mime-Version:'])).toEqual([]);
  });
});

describe('a date', () => {
  const repaired = (line: string, time = NOON) => linesOf(repairDate([fieldOf('X: 1'), fieldOf(line)], time)).slice(1);

  test.each([
    [
      'Date: Thu, 01 Jan 1970 00:00:12 +0000',
      ['Date: Tue, 24 Nov 2026 12:00:00 +0000', 'X-Original-Date: Thu, 01 Jan 1970 00:00:12 +0000'],
    ],
    ['DATE: heute, \xfcbermorgen', ['Date: Tue, 24 Nov 2026 12:00:00 +0000', 'X-Original-Date: heute, =?UTF-8?Q?=C3=BCbermorgen?=']],
    ['Date: Wed, 01 Jan 2020 00:00:00 +0000', ['Date: Wed, 01 Jan 2020 00:00:00 +0000']],
    ['Date: Tue, 31 Dec 2999 00:00:00 +0000', ['Date: Tue, 31 Dec 2999 00:00:00 +0000']],
    ['Resent-Date: x', ['Resent-Date: x']],
  ])('%j becomes %j', (line, lines) => {
    expect(repaired(line)).toEqual(lines);
  });

  test('no better one is known', () => {
    expect(repaired('Date: x', Date.UTC(2019, 11, 31) as WallTime)).toEqual(['Date: x']);
  });

  test('what is kept of a long one is bounded', () => {
    expect(repaired(`Date: ${'x'.repeat(2_000)}`)[1]).toBe(`X-Original-Date: ${'x'.repeat(400)}`);
  });
});

describe('a From without address', () => {
  const repaired = (line: string, reversePath?: ReversePath) =>
    linesOf(repairFrom([fieldOf(line)], context(reversePath), new AddressReader()))[0];

  test.each([
    ['From: Garden', 'From: "Garden" <cam@lan.example>'],
    ['From: T\xfcr', 'From: =?UTF-8?Q?T=C3=BCr?= <cam@lan.example>'],
    ['From: root (Cron)', 'From: "root (Cron)" <cam@lan.example>'],
    ['From: "a", "b"', 'From: "\\"a\\", \\"b\\"" <cam@lan.example>'],
    ['From: a@b', 'From: a@b'],
    ['Sender: Garden', 'Sender: Garden'],
  ])('%j becomes %j', (line, right) => {
    expect(repaired(line)).toBe(right);
  });

  test('stays when the envelope has nothing better, and names this host when it is empty', () => {
    expect(repaired('From: Garden', { localPart: 'cam', domain: '' })).toBe('From: Garden');
    expect(repaired('From: Garden', null)).toBe('From: "Garden" <MAILER-DAEMON@gate.example>');
  });
});
