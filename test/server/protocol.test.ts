// The state machine as a table: for each phase and command the reply's code or the act, and the phase that follows; then
// what each result makes of a session; then that both functions are pure.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Policy } from '../../src/server/access.ts';
import { type Act, conclude, type Result, step } from '../../src/server/protocol.ts';
import type { Session, Transaction } from '../../src/server/session-state.ts';
import { createAuthenticator } from '../../src/server/users.ts';
import { type Command, type Malformed, parseCommand, type Verb } from '../../src/smtp/command.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { sessionParts, tlsWith } from '../support/dialogs/access.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const CHANNEL = { isSecure: false, user: undefined };
const TRANSACTION: Transaction = {
  hello: { verb: 'EHLO', name: 'cam' },
  reversePath: { localPart: 'a', domain: 'b.example' },
  size: 0,
  parameters: {},
};
const RECIPIENTS = [{ forwardPath: { localPart: 'c', domain: 'd.example' } }] as const;

const SESSIONS: { readonly [P in Session['phase']]: Session } = {
  greeted: { ...CHANNEL, phase: 'greeted' },
  ready: { ...CHANNEL, phase: 'ready', hello: TRANSACTION.hello },
  mail: { ...CHANNEL, ...TRANSACTION, phase: 'mail' },
  rcpt: { ...CHANNEL, ...TRANSACTION, phase: 'rcpt', recipients: RECIPIENTS },
  bdat: { ...CHANNEL, ...TRANSACTION, phase: 'bdat', recipients: RECIPIENTS },
};
const PHASES = ['greeted', 'ready', 'mail', 'rcpt', 'bdat'] as const;

/** TLS and logins are offered, and nobody is refused. */
const POLICY: Policy = sessionParts({
  settings: { startTls: 'offered', maxRecipients: 100 },
  tls: tlsWith({} as never),
  authenticator: createAuthenticator('any', [], fakeClock()),
}).access.policy();

const read = (line: string): Command | Malformed => parseCommand(Buffer.from(line));

/** The reply's code, or the act's name; after it the phase, where that is another one. */
function describeStep(session: Session, line: string, policy = POLICY): string {
  const { next, act } = step(session, read(line), policy);
  return next.phase === session.phase ? describeAct(act) : `${describeAct(act)} ${next.phase}`;
}

function describeAct(act: Act): string {
  if (act.act === 'reply') return String(act.reply.code);
  return act.act === 'close' ? `close:${act.reply.code}` : act.act;
}

// What stands under each phase. An act that has a result moves no phase, but for a chunk, which has begun to come.
const TABLE = `
                    | greeted   | ready        | mail      | rcpt       | bdat
EHLO cam            | 250 ready | 250          | 250 ready | 250 ready  | 250 ready
HELO cam            | 250 ready | 250          | 250 ready | 250 ready  | 250 ready
MAIL FROM:<a@b>     | admit     | admit        | 503       | 503        | 503
MAIL FROM:<>        | admit     | admit        | 503       | 503        | 503
RCPT TO:<c@d>       | 503       | 503          | 250 rcpt  | 250        | 503
DATA                | 503       | 503          | 503       | receive    | 503
BDAT 5              | discard   | discard      | discard   | chunk bdat | chunk
BDAT 5 LAST         | discard   | discard      | discard   | chunk bdat | chunk
STARTTLS            | start-tls | start-tls    | 503       | 503        | 503
AUTH LOGIN          | 503       | authenticate | 503       | 503        | 503
AUTH CRAM-MD5 eA==  | 503       | 501          | 503       | 503        | 503
AUTH NTLM           | 503       | 504          | 503       | 503        | 503
ETRN example.org    | 503       | run-queue    | 503       | 503        | 503
ETRN #queue         | 503       | 459          | 503       | 503        | 503
RSET                | 250       | 250          | 250 ready | 250 ready  | 250 ready
NOOP                | 250       | 250          | 250       | 250        | 250
VRFY a              | 252       | 252          | 252       | 252        | 252
HELP                | 214       | 214          | 214       | 214        | 214
QUIT                | close:221 | close:221    | close:221 | close:221  | close:221
EXPN a              | 502       | 502          | 502       | 502        | 502
SEND FROM:<a@b>     | 502       | 502          | 502       | 502        | 502
SOML FROM:<a@b>     | 502       | 502          | 502       | 502        | 502
SAML FROM:<a@b>     | 502       | 502          | 502       | 502        | 502
TURN                | 502       | 502          | 502       | 502        | 502
FROB                | close:500 | 500          | 500       | 500        | 500
                    | 500       | 500          | 500       | 500        | 500
GET / HTTP/1.1      | close:500 | close:500    | close:500 | close:500  | close:500
MAIL FROM           | 501       | 501          | 501       | 501        | 501
MAIL FROM:<a@b> X=1 | 555       | 555          | 555       | 555        | 555
`
  .trim()
  .split('\n')
  .slice(1)
  .map((row) => row.split('|').map((cell) => cell.trim()));

describe.each(TABLE)('%s', (line = '', ...expected) => {
  test.each(PHASES.map((phase, at) => [phase, expected[at] ?? ''] as const))('%s: %s', (phase, outcome) =>
    expect(describeStep(SESSIONS[phase], line)).toBe(outcome),
  );
});

test('the table has each command', () => {
  const verbs: Readonly<Record<Verb, true>> = {
    EHLO: true,
    HELO: true,
    MAIL: true,
    RCPT: true,
    DATA: true,
    BDAT: true,
    RSET: true,
    NOOP: true,
    QUIT: true,
    STARTTLS: true,
    AUTH: true,
    ETRN: true,
    VRFY: true,
    HELP: true,
    EXPN: true,
    SEND: true,
    SOML: true,
    SAML: true,
    TURN: true,
  };
  const tried = new Set(TABLE.map(([line = '']) => line.split(' ')[0]));
  expect(Object.keys(verbs).filter((verb) => !tried.has(verb))).toEqual([]);
});

describe('what holds on a channel', () => {
  const secure = (session: Session): Session => ({ ...session, isSecure: true });
  const known = (session: Session): Session => ({ ...session, user: 'cam' });
  const strict: Policy = { ...POLICY, isTlsRequired: true, isAuthRequired: true };
  const none: Policy = { ...POLICY, hasTls: false, mechanisms: [] };
  test.each([
    ['TLS is on already', secure(SESSIONS.ready), 'STARTTLS', POLICY, '503'],
    ['there is no certificate', SESSIONS.ready, 'STARTTLS', none, '454'],
    ['nobody logs in', SESSIONS.ready, 'AUTH PLAIN', none, '502'],
    ['logged in already', known(SESSIONS.ready), 'AUTH PLAIN', POLICY, '503'],
    ['TLS is required to log in', SESSIONS.ready, 'AUTH PLAIN', strict, '530'],
    ['TLS is required to send', known(SESSIONS.ready), 'MAIL FROM:<a@b>', strict, '530'],
    ['a login is required to send', secure(SESSIONS.ready), 'MAIL FROM:<a@b>', strict, '530'],
    ['a login is required to run the queue', secure(SESSIONS.ready), 'ETRN b', strict, '530'],
    ['both are given', known(secure(SESSIONS.ready)), 'MAIL FROM:<a@b>', strict, 'admit'],
    ['one recipient too many', SESSIONS.rcpt, 'RCPT TO:<x@y>', { ...POLICY, maxRecipients: 1 }, '452'],
    ['the same recipient again', SESSIONS.rcpt, 'RCPT TO:<c@d.example>', { ...POLICY, maxRecipients: 1 }, '250'],
  ])('%s', (_, session, line, policy, outcome) => expect(describeStep(session, line, policy)).toBe(outcome));
});

const REFUSAL = { code: 450, status: '4.7.1', text: 'too many messages in a short time, try again later' } as const;
const MESSAGE = {
  id: 'ID1' as QueueId,
  device: '192.0.2.7',
  hello: 'cam',
  octets: 5,
  envelope: { reversePath: TRANSACTION.reversePath, recipients: RECIPIENTS, parameters: {} },
};

test.each<[string, Session, Result, Session, number | undefined]>([
  ['a message is admitted', SESSIONS.ready, { result: 'admitted', transaction: TRANSACTION }, SESSIONS.mail, 250],
  ['a message is not admitted', SESSIONS.ready, { result: 'refused', refusal: REFUSAL }, SESSIONS.ready, 450],
  ['DATA is stored', SESSIONS.rcpt, { result: 'stored', message: MESSAGE }, SESSIONS.ready, 250],
  ['DATA is refused', SESSIONS.rcpt, { result: 'message-refused', refusal: REFUSAL }, SESSIONS.ready, 450],
  ['a chunk is taken', SESSIONS.bdat, { result: 'chunk-taken', octets: 5 }, SESSIONS.bdat, 250],
  ['the last chunk is stored', SESSIONS.bdat, { result: 'stored', message: MESSAGE }, SESSIONS.ready, 250],
  ['a chunk is refused', SESSIONS.bdat, { result: 'message-refused', refusal: REFUSAL }, SESSIONS.ready, 450],
  ['TLS has begun', SESSIONS.ready, { result: 'secured' }, { ...SESSIONS.greeted, isSecure: true }, undefined],
  ['TLS has not begun', SESSIONS.ready, { result: 'refused', refusal: REFUSAL }, SESSIONS.ready, 450],
  ['a user has logged in', SESSIONS.ready, { result: 'logged-in', user: 'cam' }, { ...SESSIONS.ready, user: 'cam' }, 235],
  ['the queue runs', SESSIONS.ready, { result: 'queue-run', waiting: 3 }, SESSIONS.ready, 253],
  ['the queue is empty', SESSIONS.ready, { result: 'queue-run', waiting: 0 }, SESSIONS.ready, 251],
  ['the queue can not run', SESSIONS.ready, { result: 'queue-run', waiting: 'unable' }, SESSIONS.ready, 458],
])('%s', (_, session, result, next, code) => {
  const conclusion = conclude(session, result);
  expect(conclusion.next).toEqual(next);
  expect(conclusion.reply?.code).toBe(code);
});

test('STARTTLS forgets who has logged in, and how the device introduced itself', () => {
  const { next } = conclude({ ...SESSIONS.ready, user: 'cam' }, { result: 'secured' });
  expect(next).toEqual({ phase: 'greeted', isSecure: true, user: undefined });
});

/** Freezes all that a value holds, but for functions. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}

const lines = fc.oneof(
  fc.constantFrom(...TABLE.map(([line = '']) => line)),
  fc.constantFrom('MAIL FROM:<ü@b>', 'MAIL FROM:<a@b> SMTPUTF8', 'MAIL FROM:<a@b> BODY=BINARYMIME SIZE=5', 'RCPT TO:<ü@d>'),
  fc.nat(120).map((number) => `RCPT TO:<c${number}@d>`),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const policies = fc.record({
  hasTls: fc.boolean(),
  isTlsRequired: fc.boolean(),
  isAuthRequired: fc.boolean(),
  maxRecipients: fc.constantFrom(2, 100),
  passedOn: fc.record({ smtpUtf8: fc.boolean(), binaryMime: fc.boolean() }),
});

/** What may come of an act. */
function resultsOf(act: Act): readonly Result[] {
  switch (act.act) {
    case 'reply':
    case 'close':
      return [];
    case 'admit':
      return [
        { result: 'admitted', transaction: act.transaction },
        { result: 'refused', refusal: REFUSAL },
      ];
    case 'receive':
      return [
        { result: 'stored', message: MESSAGE },
        { result: 'message-refused', refusal: REFUSAL },
      ];
    case 'chunk':
      return act.isLast
        ? [
            { result: 'stored', message: MESSAGE },
            { result: 'message-refused', refusal: REFUSAL },
          ]
        : [
            { result: 'chunk-taken', octets: act.octets },
            { result: 'message-refused', refusal: REFUSAL },
          ];
    case 'discard':
      return [{ result: 'refused', refusal: act.refusal }];
    case 'start-tls':
      return [{ result: 'secured' }, { result: 'refused', refusal: REFUSAL }];
    case 'authenticate':
      return [
        { result: 'logged-in', user: 'cam' },
        { result: 'refused', refusal: REFUSAL },
      ];
    case 'run-queue':
      return [{ result: 'queue-run', waiting: 1 }];
    default:
      return act satisfies never;
  }
}

test('the same input gives the same answer, and nothing that was given is changed', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(lines, fc.boolean()), { maxLength: 30 }), policies, (conversation, more) => {
      const policy = frozen<Policy>({ ...POLICY, ...more });
      let session: Session = SESSIONS.greeted;
      for (const [line, isLucky] of conversation) {
        const command = frozen(read(line));
        const given = frozen(session);
        const { next, act } = step(given, command, policy);
        expect(step(given, command, policy)).toEqual({ next, act });
        const results = resultsOf(frozen(act));
        const result = frozen(isLucky ? results[0] : results.at(-1));
        session = result === undefined ? next : conclude(frozen(next), result).next;
        if (result !== undefined) expect(conclude(next, result).next).toEqual(session);
      }
    }),
    { numRuns: 500 },
  );
});
