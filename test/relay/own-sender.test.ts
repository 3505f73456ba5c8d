// Whose address the relay's own mail is from.

import { expect, test } from 'vitest';
import { ownSender } from '../../src/relay/own-sender.ts';

const account = (username: string) => ({ credentials: { username, password: 'x' } });
const SENDER = { localPart: 'alerts', domain: 'example.org' };
const none = { rewriting: { sender: undefined } };

test('GATEPOST_SENDER, or the first account that is an address', () => {
  expect(ownSender({ rewriting: { sender: SENDER } }, [account('me@one.example')])).toEqual(SENDER);
  expect(ownSender(none, [account('AKIA'), { credentials: undefined }, account('me@one.example')])).toEqual({
    localPart: 'me',
    domain: 'one.example',
  });
  expect(ownSender(none, [account('apikey')])).toBeUndefined();
});

test('an account that logs in with tokens is one like any other', () => {
  expect(ownSender(none, [{ credentials: undefined, oauth: { username: 'me@one.example' } }])).toEqual({
    localPart: 'me',
    domain: 'one.example',
  });
});
