// Which refusals make a message without a sender go once more with one.

import { expect, test } from 'vitest';
import type { Envelope } from '../../src/smtp/envelope.ts';
import { withOwnSender } from '../../src/upstream/null-path.ts';
import type { Attempt, MessageFailure } from '../../src/vocabulary/attempt.ts';

const OWN = { localPart: 'alerts', domain: 'example.org' };
const ENVELOPE: Envelope = { reversePath: null, recipients: [{ forwardPath: { localPart: 'you', domain: 'x' } }], parameters: {} };

function refused(cause: MessageFailure['cause'], outcome: 'bounced' | 'deferred' = 'bounced'): Attempt {
  const failure: MessageFailure = { scope: 'message', stage: 'mail', cause, reply: { code: 501, lines: ['no'] } };
  return { result: 'answered', outcomes: [{ outcome, failure }], notifies: true };
}

test.each<[string, Attempt, boolean]>([
  ['refused for its path', refused('null-path'), true],
  ['too much at once', refused('throttled', 'deferred'), false],
  ['refused for something else', refused('message'), false],
  ['delivered', { result: 'answered', outcomes: [{ outcome: 'delivered', reply: { code: 250, lines: [''] } }], notifies: true }, false],
])('%s', (_name, attempt, isTriedAgain) => {
  const again = withOwnSender(ENVELOPE, attempt, OWN);
  expect(again?.reversePath).toEqual(isTriedAgain ? OWN : undefined);
  expect(withOwnSender(ENVELOPE, attempt, undefined)).toBeUndefined();
  expect(withOwnSender({ ...ENVELOPE, reversePath: OWN }, attempt, OWN)).toBeUndefined();
});

test('nobody may be notified of it', () => {
  expect(withOwnSender(ENVELOPE, refused('null-path'), OWN)?.recipients).toEqual([{ ...ENVELOPE.recipients[0], notify: 'never' }]);
});
