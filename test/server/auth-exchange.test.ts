// The exchange for a mechanism that no RFC knows: what it is asked, and what it says to what comes.

import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { exchange } from '../../src/server/auth-exchange.ts';
import * as replies from '../../src/server/replies.ts';
import type { ServerMechanism } from '../../src/smtp/sasl/mechanisms.ts';
import { Wire } from '../../src/system/wire.ts';
import { fakeClock, settled } from '../support/fakes/clock.ts';

/** Asks twice; the claim is what came. */
const TWICE: ServerMechanism = {
  name: 'TWICE',
  clientFirst: true,
  needsPassword: false,
  *start(challenge) {
    const first = yield challenge();
    const second = yield Buffer.from('2?');
    return second.length === 0 ? undefined : { kind: 'password', username: first.toString(), password: second.toString() };
  },
};

/** Runs an exchange in which the device answers with `lines`; what came of it, and the challenges that were sent. */
async function run(initialResponse: string | undefined, lines: readonly string[], isLenient = false) {
  const [device, server] = duplexPair();
  let sent = '';
  device.on('data', (octets: Buffer) => {
    sent += octets.toString();
  });
  const wire = new Wire(server, fakeClock());
  const result = exchange(wire, { mechanism: TWICE, initialResponse, challenge: () => Buffer.from('1?'), isLenient });
  for (const line of lines) {
    await settled();
    device.write(`${line}\r\n`);
  }
  const outcome = await result;
  const challenges = sent.split('\r\n').slice(0, -1);
  return { outcome, challenges: challenges.map((one) => Buffer.from(one.slice(4), 'base64').toString()) };
}

const encode = (text: string) => Buffer.from(text).toString('base64');
const claim = (username: string, password: string) => ({ kind: 'password', username, password });

test('asks for each response', async () => {
  const { outcome, challenges } = await run(undefined, [encode('one'), encode('two')]);
  expect(outcome).toEqual(claim('one', 'two'));
  expect(challenges).toEqual(['1?', '2?']);
});

test('an initial response is the first; = is an empty one', async () => {
  expect(await run(encode('one'), [encode('two')])).toEqual({ outcome: claim('one', 'two'), challenges: ['2?'] });
  expect(await run('=', [encode('two')])).toEqual({ outcome: claim('', 'two'), challenges: ['2?'] });
});

test.each([
  ['an initial response that is no base64', 'o!', [], replies.badResponse],
  ['a response that is no base64', undefined, ['o!'], replies.badResponse],
  ['a cancelled exchange', undefined, ['*'], replies.authCancelled],
  ['a response without end', undefined, ['x'.repeat(12_289)], replies.authTooLong],
  ['a response that the mechanism can not read', encode('one'), [''], replies.badResponse],
])('%s', async (_, initial, lines, refusal) => expect((await run(initial, lines)).outcome).toBe(refusal));

test('a lenient exchange takes what comes, and cancels only for the asterisk', async () => {
  expect((await run(encode('one'), [encode('two')], true)).outcome).toEqual(claim('one', 'two'));
  expect((await run(encode('one'), [''], true)).outcome).toEqual(claim('', ''));
  expect((await run(encode('one'), ['*'], true)).outcome).toBe(replies.authCancelled);
});

test.each([
  ['no base64', 'o!', encode('two')],
  ['two words of base64', `${encode('one')} ${encode('two')}`, encode('two')],
  ['a password without padding', encode('one'), encode('four').replace('=', '')],
  ['a name with a colon', encode('one:two'), encode('two')],
  ['a name with a blank', encode('one two'), encode('two')],
  ['a name with a NUL', encode('\0one\0two'), encode('two')],
])('a lenient exchange names nobody after %s', async (_, first, second) =>
  expect((await run(undefined, [first, second], true)).outcome).toEqual(claim('', '')),
);
