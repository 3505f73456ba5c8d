// Line by line what header.test.ts tests with whole messages.

import { expect, test } from 'vitest';
import { marksBefore, Preamble } from '../../src/message/preamble.ts';

const MARK = '\u00ef\u00bb\u00bf';

/** What each line is judged to be, up to the one that ends the preamble; places count from the first line. */
function judge(lines: readonly string[]) {
  const preamble = new Preamble();
  let at = 0;
  for (const line of lines) {
    const preceding = preamble.take(line, at);
    if (preceding !== 'dropped') return { ...preceding, preamble };
    at += line.length;
  }
  return { is: 'dropped', at, preamble };
}

test.each<[string, readonly string[], string, number]>([
  ['a field', ['A: 1\r\n'], 'field', 0],
  ['a mark before it', [`${MARK}A: 1\r\n`], 'field', 3],
  ['an mbox line with a date', ['From x Tue Nov 24 12:00:00 2026\r\n', 'Door: 1\r\n'], 'field', 33],
  ['one without', ['From x\r\n', 'To: 1\r\n'], 'field', 8],
  ['one without, and a name that a text may have', ['From x\r\n', 'Door: 1\r\n'], 'body', 0],
  ['a blank line', ['\r\n', 'Subject: 1\r\n'], 'field', 2],
  ['a blank line and a text', ['\r\n', 'text\r\n'], 'body', 2],
  ['spaces', ['  X-Door: 1\r\n'], 'field', 2],
  ['spaces and a name that a text may have', ['  Door: 1\r\n'], 'body', 0],
  ['a text', ['text\r\n'], 'body', 0],
  ['sixteen blank lines', Array.from({ length: 17 }, () => '\r\n'), 'body', 2],
  ['nothing but what is dropped', ['\r\n', '>From x Tue Nov 24 12:00 2026\r\n'], 'dropped', 33],
])('%s', (_, lines, is, at) => {
  expect(judge(lines)).toMatchObject({ is, at });
});

test('where there was a doubt, a field of mail among those that follow ends it', () => {
  const { preamble } = judge(['\r\n', 'Date: 1\r\n']);
  expect(preamble.bodyIfNot([{ name: 'Date' }, { name: 'X-Y' }])).toBe(2);
  expect(preamble.bodyIfNot([{ name: 'Date' }, { name: 'SUBJECT' }])).toBeUndefined();
  expect(judge(['Door: 1\r\n']).preamble.bodyIfNot([{ name: 'Door' }])).toBeUndefined();
});

test('marks', () => {
  expect(marksBefore('A')).toBe(0);
  expect(marksBefore(`${MARK}${MARK}A`)).toBe(6);
});
