import { expect, test } from 'vitest';
import { farewell, progressOf } from '../../src/server/departure.ts';
import * as replies from '../../src/server/replies.ts';
import type { Session } from '../../src/server/session-state.ts';
import { ConnectionLost, type LossReason } from '../../src/system/wire.ts';

test.each<[LossReason, unknown]>([
  ['closed', undefined],
  ['broken', undefined],
  ['timeout', replies.timeout],
  ['too-slow', replies.tooSlow],
  ['too-much', replies.tooMuch(1_000)],
  ['stopped', replies.stopping],
])('a connection that is lost because it is %s', (reason, reply) =>
  expect(farewell(new ConnectionLost(reason, 'x'), 1_000)).toEqual(reply),
);

test('a bug is answered, too', () => expect(farewell(new TypeError('x'), 1_000)).toBe(replies.fault));

const channel = { isSecure: false, user: undefined };
const hello = { verb: 'EHLO', name: 'cam' } as const;
const transaction = { ...channel, hello, reversePath: null, size: 0, parameters: {} };
const recipients = [{ forwardPath: { localPart: 'c', domain: 'd' } }, { forwardPath: { localPart: 'e e', domain: 'f' } }] as const;
const from = { hello: 'cam', from: '<>' };

test.each<[Session, boolean, unknown]>([
  [{ ...channel, phase: 'greeted' }, false, undefined],
  [{ ...channel, phase: 'ready', hello }, false, undefined],
  [{ ...transaction, phase: 'mail' }, false, { ...from, to: [], stage: 'mail' }],
  [{ ...transaction, phase: 'rcpt', recipients }, false, { ...from, to: ['c@d', '"e e"@f'], stage: 'rcpt' }],
  [{ ...transaction, phase: 'rcpt', recipients }, true, { ...from, to: ['c@d', '"e e"@f'], stage: 'data', octets: 7 }],
  [{ ...transaction, phase: 'bdat', recipients }, false, { ...from, to: ['c@d', '"e e"@f'], stage: 'bdat', octets: 7 }],
])('how far a session has come: $phase, %s', (session, isData, progress) =>
  expect(progressOf(session, { isData, octets: 7 })).toEqual(progress),
);
