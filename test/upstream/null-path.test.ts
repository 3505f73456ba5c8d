// Which refusals make a message without a sender go once more with one.

import { expect, test } from 'vitest';
import type { Envelope } from '../../src/smtp/envelope.ts';
import { withOwnSender } from '../../src/upstream/null-path.ts';
import type { Attempt, MessageFailure } from '../../src/vocabulary/attempt.ts';

const OWN = { localPart: 'alerts', domain: 'example.org' };
const ENVELOPE: Envelope = { reversePath: null, recipients: [{ forwardPath: { localPart: 'you', domain: 'x' } }], parameters: {} };

function refused(failure: Partial<MessageFailure>, outcome: 'bounced' | 'deferred' = 'bounced'): Attempt {
  const reply = { code: 501, lines: ['no'] } as const;
  const whole: MessageFailure = { scope: 'message', stage: 'mail', cause: 'plain', reply, ...failure };
  return { result: 'answered', outcomes: [{ outcome, failure: whole }], notifies: true };
}

test.each<[string, Attempt, boolean]>([
  ['refused at MAIL', refused({}), true],
  ['refused for now', refused({}, 'deferred'), true],
  ['laid to the account', refused({ scope: 'account' }), true],
  ['too much at once', refused({ cause: 'throttled' }, 'deferred'), false],
  ['the quota is used up', refused({ cause: 'quota' }, 'deferred'), false],
  ['refused by the relay itself', refused({ problem: 'too large' }), false],
  ['refused at RCPT', refused({ stage: 'rcpt' }), false],
  ['delivered', { result: 'answered', outcomes: [{ outcome: 'delivered', reply: { code: 250, lines: [''] } }], notifies: true }, false],
])('%s', (_name, attempt, isTriedAgain) => {
  const again = withOwnSender(ENVELOPE, attempt, OWN);
  expect(again?.reversePath).toEqual(isTriedAgain ? OWN : undefined);
  expect(withOwnSender(ENVELOPE, attempt, undefined)).toBeUndefined();
  expect(withOwnSender({ ...ENVELOPE, reversePath: OWN }, attempt, OWN)).toBeUndefined();
});

test('nobody may be notified of it', () => {
  expect(withOwnSender(ENVELOPE, refused({}), OWN)?.recipients).toEqual([{ ...ENVELOPE.recipients[0], notify: 'never' }]);
});
