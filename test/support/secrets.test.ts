import { expect, test } from 'vitest';
import { leaksFound, searchForSecrets, secretsIn } from './secrets.ts';

test.each([
  ['plain', 'x open-sesame y'],
  ['in a URL', 'smtp://me:open-sesame@h'],
  ['by AUTH PLAIN', Buffer.from('\0cam\0open-sesame').toString('base64')],
  ['by AUTH PLAIN, another name', Buffer.from('\0came\0open-sesame').toString('base64')],
  ['by AUTH PLAIN, a third name', Buffer.from('\0camer\0open-sesame').toString('base64')],
  ['by AUTH LOGIN', Buffer.from('open-sesame').toString('base64')],
])('a password is found %s', (_name, text) => {
  secretsIn({ GATEPOST_UPSTREAM: 'smtp://me:open-sesame@h.example' });
  searchForSecrets(`before ${text} after`, 'here');
  expect(leaksFound()).not.toEqual([]);
});

test('other text is none', () => {
  searchForSecrets('open sesame', 'here');
  expect(leaksFound()).toEqual([]);
});
