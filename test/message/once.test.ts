import { expect, test } from 'vitest';
import { AddressReader } from '../../src/message/addresses.ts';
import { tidyFields } from '../../src/message/once.ts';
import { fieldOf, linesOf } from '../support/fields.ts';

const tidy = (...lines: readonly string[]) => linesOf(tidyFields(lines.map(fieldOf), new AddressReader()));

test.each([
  'Date:',
  'From: "" <>',
  'Sender: @',
  'To: , ,',
  'Cc: (nobody)',
  'Resent-To: ;',
  'Message-ID: <a>',
  'Message-ID: a@b',
  'Message-ID: <a@b> x',
  'In-Reply-To:',
  'MIME-Version: ()',
  'Content-Type: ;',
  'content-transfer-encoding: ',
])('%j has no content, and goes', (line) => {
  expect(tidy(line, 'X: 1')).toEqual(['X: 1']);
});

test.each(['Subject:', 'Comments: ', 'X-Empty:', 'From: root', 'Message-ID: (x) < a . b @ [c] >', 'Bcc:', 'Date: x'])(
  '%j stays',
  (line) => {
    expect(tidy(line)).toEqual([line]);
  },
);

test.each<[string, readonly string[], readonly string[]]>([
  ['of two the first', ['Subject: 1', 'X: 2', 'SUBJECT: 3'], ['Subject: 1', 'X: 2']],
  ['of two the one that is not empty, in the place of the first', ['Subject:', 'X: 2', 'Subject: 3'], ['Subject: 3', 'X: 2']],
  ['of two that are empty the first', ['Subject:', 'Subject: '], ['Subject:']],
  ['a date that can be read', ['Date: soon', 'Date: 24 Nov 2026 12:00 +0000'], ['Date: 24 Nov 2026 12:00 +0000']],
  ['none that can', ['Date: soon', 'Date: later'], ['Date: soon']],
  ['a From with an address', ['From: root', 'From: a@b'], ['From: a@b']],
  ['lists become one', ['To: a@b', 'Cc: c@d', 'To: e@f'], ['To: a@b,\r\n e@f', 'Cc: c@d']],
  ['empty lists are none', ['To: ,', 'To: e@f'], ['To: e@f']],
  ['what may stand more than once', ['Received: 1', 'Received: 1', 'X: 1', 'X: 1'], ['Received: 1', 'Received: 1', 'X: 1', 'X: 1']],
])('%s', (_, lines, kept) => {
  expect(tidy(...lines)).toEqual(kept);
  expect(tidy(...kept)).toEqual(kept);
});

test('only the first ten of a field are looked at', () => {
  const later = (count: number) => [...Array.from({ length: count }, (_, at) => `From: root${at}`), 'From: a@b'];
  expect(tidy(...later(9))).toEqual(['From: a@b']);
  expect(tidy(...later(10))).toEqual(['From: root0']);
});
