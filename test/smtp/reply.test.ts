import { describe, expect, test } from 'vitest';
import { formatReply, type Reply, replyReader } from '../../src/smtp/reply.ts';
import { decodeXtext, encodeXtext } from '../../src/smtp/xtext.ts';

function read(...lines: string[]) {
  const feed = replyReader();
  return lines.map((line) => feed(Buffer.from(line))).at(-1);
}

describe('reading', () => {
  test.each([
    [['250 ok'], { code: 250, lines: ['ok'] }],
    [['250'], { code: 250, lines: [''] }],
    [['250-a', '250-b', '250 c'], { code: 250, lines: ['a', 'b', 'c'] }],
    [['550 5.1.1 no such user'], { code: 550, status: '5.1.1', lines: ['5.1.1 no such user'] }],
    [['250 5.1.1 a status of another class is text'], { code: 250, lines: ['5.1.1 a status of another class is text'] }],
  ])('%j', (lines, reply) => expect(read(...lines)).toEqual({ result: 'reply', reply }));

  test.each([[['hello']], [['99 x']], [['600 x']], [['250-a', '251 b']], [['2500 x']], [['250_x']], [['']]])('malformed: %j', (lines) => {
    expect(read(...lines)).toMatchObject({ result: 'malformed' });
  });

  test('a reply without end is cut off', () => {
    const feed = replyReader();
    const results = Array.from({ length: 101 }, () => feed(Buffer.from('250-more')).result);
    expect(results.slice(0, 100)).toEqual(Array(100).fill('more'));
    expect(results[100]).toBe('malformed');
  });
});

describe('writing', () => {
  test('status on every line, code joined by a hyphen', () => {
    const reply: Reply = { code: 250, status: '2.0.0', text: ['one', 'two'] };
    expect(formatReply(reply).toString()).toBe('250-2.0.0 one\r\n250 2.0.0 two\r\n');
  });

  test('text from a device can neither end the line nor make it too long', () => {
    const reply: Reply = { code: 550, status: '5.1.1', text: `a\r\nb${'x'.repeat(1000)}` };
    const text = formatReply(reply).toString('latin1');
    expect(text.split('\r\n')).toHaveLength(2);
    expect(text.length).toBeLessThanOrEqual(512);
    expect(text).toMatch(/^550 5\.1\.1 a\?\?bx/);
  });
});

test('xtext', () => {
  for (const text of ['', 'plain', 'a+b=c', 'with space']) expect(decodeXtext(encodeXtext(text))).toBe(text);
  expect(decodeXtext('+2')).toBeUndefined();
  expect(decodeXtext('a+0Ab')).toBeUndefined();
  expect(decodeXtext('a=b')).toBeUndefined();
});

test('a reply of more than 16 KiB is none', () => {
  const read = replyReader();
  const line = Buffer.from(`250-${'x'.repeat(1_996)}`);
  const results = Array.from({ length: 9 }, () => read(line).result);
  expect(results).toEqual([...Array(8).fill('more'), 'malformed']);
});
