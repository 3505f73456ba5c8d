// Logging in with OAuth tokens, over a connection: the octets, a token that is refused, and no token at all.

import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { Addresses } from '../../src/upstream/addresses.ts';
import { connect } from '../../src/upstream/connect.ts';
import { FORGETFUL, Habits } from '../../src/upstream/habits.ts';
import { Trust } from '../../src/upstream/trust.ts';
import type { TokenFailure, TokenSource } from '../../src/vocabulary/token-source.ts';
import { CERTIFICATE, type Peer, politeUpstream, type ScriptedUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';

const servers: ScriptedUpstream[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Gives these one after the other, a next one once the last was refused. */
function tokensOf(...all: readonly (string | TokenFailure)[]): TokenSource & { readonly refusals: string[] } {
  let at = 0;
  const refusals: string[] = [];
  return {
    refusals,
    token: async () => all[Math.min(at, all.length - 1)] ?? '',
    refused(token) {
      refusals.push(token);
      if (token === all[at]) at += 1;
    },
  };
}

async function setUp(tokens: TokenSource, auth: (peer: Peer, response: string | undefined) => Promise<void>, mechanism = 'XOAUTH2') {
  const server = await scriptedUpstream((peer) =>
    politeUpstream(peer, { offersSecure: [`AUTH PLAIN ${mechanism}`], exchange: (line) => auth(peer, line) }),
  );
  servers.push(server);
  const { port } = server;
  const host = '127.0.0.1';
  const credentials = { username: 'alerts@example.org', host, port, tokens };
  const made = await connect(
    { security: 'starttls', host, port, credentials, auth: 'auto' },
    {
      clock: systemClock,
      random: systemRandom,
      hostname: 'gate.example',
      trust: new Trust({ ca: CERTIFICATE.cert, pin: undefined }),
      memory: { session: undefined },
      addresses: new Addresses(host, systemClock),
      habits: new Habits(FORGETFUL),
    },
    new AbortController().signal,
  );
  if (!('scope' in made)) made.wire.destroy();
  return { made, server, heard: server.heard.filter((line) => /^\| (?!EHLO)/.test(line)) };
}

const XOAUTH2 = (token: string) => Buffer.from(`user=alerts@example.org\u0001auth=Bearer ${token}\u0001\u0001`).toString('base64');
const REASON = Buffer.from('{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}').toString('base64');

/** Accepts one token, as Google does. */
const accepting = (good: string) => async (peer: Peer, response: string | undefined) => {
  if (response === XOAUTH2(good)) return peer.say('235 2.7.0 Accepted');
  peer.say(`334 ${REASON}`);
  await peer.line();
  peer.say('535 5.7.8 Username and Password not accepted');
};

test('XOAUTH2 in one line', async () => {
  const { made, heard } = await setUp(tokensOf('t1'), accepting('t1'));
  expect(made).toMatchObject({ auth: 'XOAUTH2' });
  expect(heard).toEqual([`| AUTH XOAUTH2 ${XOAUTH2('t1')}`]);
});

test('OAUTHBEARER names the upstream', async () => {
  const { made, heard, server } = await setUp(tokensOf('t1'), async (peer) => peer.say('235 ok'), 'OAUTHBEARER XOAUTH2');
  expect(made).toMatchObject({ auth: 'OAUTHBEARER' });
  const response = `n,a=alerts@example.org,\u0001host=127.0.0.1\u0001port=${server.port}\u0001auth=Bearer t1\u0001\u0001`;
  expect(heard).toEqual([`| AUTH OAUTHBEARER ${Buffer.from(response).toString('base64')}`]);
});

test('a token that makes the command longer than 512 octets follows on a line of its own (RFC 4954, section 4)', async () => {
  for (const [octets, isLong] of [
    [334, false],
    [335, true],
  ] as const) {
    const token = 'x'.repeat(octets);
    const { made, heard } = await setUp(tokensOf(token), async (peer, response) => {
      if (response === undefined) {
        peer.say('334 ');
        await peer.line();
      }
      peer.say('235 ok');
    });
    expect(made).toMatchObject({ auth: 'XOAUTH2' });
    expect(heard).toEqual(isLong ? ['| AUTH XOAUTH2', `| ${XOAUTH2(token)}`] : [`| AUTH XOAUTH2 ${XOAUTH2(token)}`]);
  }
});

describe('a token that is refused', () => {
  test('is renewed once and tried again on the same connection', async () => {
    const tokens = tokensOf('t1', 't2');
    const { made, heard } = await setUp(tokens, accepting('t2'));
    expect(made).toMatchObject({ auth: 'XOAUTH2' });
    expect(heard).toEqual([`| AUTH XOAUTH2 ${XOAUTH2('t1')}`, '| ', `| AUTH XOAUTH2 ${XOAUTH2('t2')}`]);
    expect(tokens.refusals).toEqual(['t1']);
  });
  test('and the new one, too: a refused login, with what the server said', async () => {
    const { made, heard } = await setUp(tokensOf('t1', 't2', 't3'), accepting('t9'));
    expect(made).toMatchObject({
      stage: 'auth',
      cause: 'login-refused',
      problem: expect.stringMatching(
        /by XOAUTH2 was refused: 535 .*; the token is not valid \(status 401\); .* https:\/\/mail\.google\.com\//,
      ),
      advice: expect.stringContaining('gatepost oauth login'),
    });
    expect(heard.filter((line) => line.includes('AUTH'))).toHaveLength(2);
    expect(JSON.stringify(made)).not.toMatch(/t1|t2/);
  });
  test('the same again is not tried twice', async () => {
    const { made, heard } = await setUp({ token: async () => 't1', refused: () => {} }, accepting('t9'));
    expect(made).toMatchObject({ cause: 'login-refused' });
    expect(heard.filter((line) => line.includes('AUTH'))).toHaveLength(1);
  });
  test.each([
    ['454 4.7.0 later', 'session'],
    ['504 5.5.4 what', 'session'],
  ])('with %s is not renewed', async (reply) => {
    const tokens = tokensOf('t1', 't2');
    const { made } = await setUp(tokens, async (peer) => peer.say(reply));
    expect(made).toMatchObject({ stage: 'auth' });
    expect(tokens.refusals).toEqual([]);
  });
  test('by a server that closes: nothing was said of the new one, which the next connection has', async () => {
    const tokens = tokensOf('t1', 't2');
    const { made } = await setUp(tokens, async (peer) => {
      peer.say('535 5.7.8 no');
      peer.end();
    });
    expect(made).toMatchObject({ stage: 'auth', cause: 'login' });
    expect(await tokens.token()).toBe('t2');
  });
  test.each([
    ['535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.', /Authenticated SMTP/],
    ['535 5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]', /Add-MailboxPermission/],
  ])('by Microsoft: %s', async (reply, advice) => {
    const { made } = await setUp(tokensOf('t1', 't2'), async (peer) => peer.say(reply));
    expect(made).toMatchObject({ advice: expect.stringMatching(advice) });
  });
});

test.each<TokenFailure>([
  { cause: 'authorization-lost', problem: 'invalid_grant', advice: 'log in again' },
  { cause: 'plain', problem: 'the endpoint does not answer' },
  { cause: 'clock', problem: 'not yet valid', advice: 'set the clock' },
])('no token ($cause): a failure of the upstream, and nothing is sent', async (failure) => {
  const { made, heard } = await setUp(tokensOf(failure), accepting('t1'));
  expect(made).toMatchObject({ scope: 'upstream', stage: 'auth', ...failure });
  expect(heard).toEqual([]);
});
