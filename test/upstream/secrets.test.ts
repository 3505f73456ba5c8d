// What of a server's words during a login is shown.

import { describe, expect, test } from 'vitest';
import { Secrets } from '../../src/upstream/secrets.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function afterPlain(): Secrets {
  const secrets = new Secrets({ username: 'alerts@example.org', password: 'hunter-2 and more' });
  secrets.sent(Buffer.from('\0alerts@example.org\0hunter-2 and more'));
  return secrets;
}

describe('what was sent is not shown', () => {
  test.each([
    ['the response in base64', `no such user: ${base64('\0alerts@example.org\0hunter-2 and more')}`, 'no such user: ...'],
    ['in capitals', `unknown ${base64('\0alerts@example.org\0hunter-2 and more').toUpperCase()}`, 'unknown ...'],
    ['cut off', `unknown "${base64('\0alerts@example.org\0hunter-2 and more').slice(0, 20)}"`, 'unknown "..."'],
    ['the password as it is', 'alerts@example.org may not use hunter-2 and more here', 'alerts@example.org may not use ... here'],
    ['the password in base64', `unknown command ${base64('hunter-2 and more')}`, 'unknown command ...'],
  ])('%s', (_name, text, shown) => {
    expect(afterPlain().hide(text)).toBe(shown);
  });

  test('on every line of a reply', () => {
    expect(afterPlain().hideIn({ code: 535, status: '5.7.8', lines: ['5.7.8 no', base64('hunter-2 and more')] })).toEqual({
      code: 535,
      status: '5.7.8',
      lines: ['5.7.8 no', '...'],
    });
  });
});

test('what says nothing of the password stays, the name as well', () => {
  const said = '5.7.9 Application-specific password required for alerts@example.org. Learn more at https://support.example/x?p=Inv';
  expect(afterPlain().hide(said)).toBe(said);
});

test('no password at all hides nothing', () => {
  expect(new Secrets({ username: 'u', password: '' }).hide('535 no')).toBe('535 no');
});
