// Whose address the relay's own mail is from.

import { expect, test } from 'vitest';
import { ownSender } from '../../src/relay/own-sender.ts';

const account = (username: string) => ({ credentials: { username, password: 'x' } });
const SENDER = { localPart: 'alerts', domain: 'example.org' };

test('GATEPOST_SENDER, or the first account that is an address', () => {
  const none = { rewriting: { sender: undefined } };
  expect(ownSender({ rewriting: { sender: SENDER } }, [account('me@one.example')])).toEqual(SENDER);
  expect(ownSender(none, [account('AKIA'), { credentials: undefined }, account('me@one.example')])).toEqual({
    localPart: 'me',
    domain: 'one.example',
  });
  expect(ownSender(none, [account('apikey')])).toBeUndefined();
});
