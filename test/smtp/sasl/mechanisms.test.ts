import { describe, expect, test } from 'vitest';
import { CRAM_MD5 } from '../../../src/smtp/sasl/cram-md5.ts';
import { LOGIN } from '../../../src/smtp/sasl/login.ts';
import type { Claim, ClientSide, Credentials } from '../../../src/smtp/sasl/mechanism.ts';
import {
  CLIENT_MECHANISMS,
  type ClientMechanism,
  PASSWORD_CHOICES,
  SERVER_MECHANISMS,
  type ServerMechanism,
  TOKEN_CHOICES,
} from '../../../src/smtp/sasl/mechanisms.ts';
import { PLAIN } from '../../../src/smtp/sasl/plain.ts';
import { SCRAM_SHA_256 } from '../../../src/smtp/sasl/scram-sha-256.ts';

const nonceOf = (text: string) => () => Buffer.from(text, 'base64url');

/** Runs the client's side against challenges in plain text: what it sends, first to last, and how it ends. */
async function run(
  { client: mechanism }: { readonly client: ClientSide },
  credentials: Credentials,
  challenges: readonly (string | 'accepted')[],
  nonce = 'AAAA',
) {
  const exchange = mechanism.start(credentials, nonceOf(nonce));
  const sent: string[] = [];
  let last = await exchange.next('accepted');
  if (mechanism.clientFirst) sent.push(String(last.value));
  for (const challenge of challenges) {
    last = await exchange.next(challenge === 'accepted' ? 'accepted' : Buffer.from(challenge));
    if (Buffer.isBuffer(last.value)) sent.push(last.value.toString());
  }
  return { sent, end: last.done === true ? last.value : 'not at its end' };
}

test('the lists that follow from the rows', () => {
  expect(CLIENT_MECHANISMS.map(({ name }) => name)).toEqual(['SCRAM-SHA-256', 'CRAM-MD5', 'PLAIN', 'LOGIN']);
  expect(PASSWORD_CHOICES).toEqual(['scram-sha-256', 'cram-md5', 'plain', 'login']);
  expect(TOKEN_CHOICES).toEqual(['oauthbearer', 'xoauth2']);
  expect(SERVER_MECHANISMS.map(({ name }) => name)).toEqual(['PLAIN', 'LOGIN', 'CRAM-MD5']);
});

/** The claim that our server reads from what our client sends it. */
async function converse(client: ClientMechanism, server: ServerMechanism, credentials: Credentials): Promise<Claim | undefined> {
  const claims = server.start(() => Buffer.from('<1@gate>'));
  const responses = client.start(credentials, nonceOf('AAAA'));
  let challenge = claims.next();
  let response = await responses.next('accepted');
  if (client.clientFirst && !server.clientFirst) throw new Error('they can not agree on who begins');
  while (challenge.done !== true) {
    if (!client.clientFirst || challenge.value.length > 0) response = await responses.next(challenge.value);
    if (response.done === true) throw new Error('the client has nothing left to say');
    challenge = claims.next(response.value);
  }
  return challenge.value;
}

const BOTH_SIDES = SERVER_MECHANISMS.flatMap((server) =>
  CLIENT_MECHANISMS.filter(({ name }) => name === server.name).map((client) => ({ name: server.name, client, server })),
);

test.each(BOTH_SIDES)('our server reads what our client sends: $name', async ({ client, server }) => {
  const claim = await converse(client, server, { username: 'tim grün', password: 'a "b" ß' });
  expect(claim).toMatchObject({ username: 'tim grün', kind: server.needsPassword ? 'cram-md5' : 'password' });
  if (claim?.kind === 'password') expect(claim.password).toBe('a "b" ß');
});

test.each([
  ['PLAIN', ['cam\0secret']],
  ['PLAIN', ['\0\0secret']],
  ['PLAIN', ['\0cam\0secret\0']],
  ['LOGIN', ['', 'secret']],
  ['CRAM-MD5', ['cam']],
  ['CRAM-MD5', ['cam b913a602c7eda7a495b4e6e7334d389']],
])('a device whose %s response is malformed claims nothing: %j', (name, responses) => {
  const exchange = SERVER_MECHANISMS.find((one) => one.name === name)?.start(() => Buffer.from('<1@gate>'));
  let last = exchange?.next();
  for (const response of responses) last = exchange?.next(Buffer.from(response));
  expect(last).toEqual({ done: true, value: undefined });
});

test('PLAIN: RFC 4616, section 4', async () => {
  expect(await run(PLAIN, { username: 'tim', password: 'tanstaaftanstaaf' }, ['accepted'])).toEqual({
    sent: ['\0tim\0tanstaaftanstaaf'],
    end: undefined,
  });
});

test('LOGIN asks for the name, then the password', async () => {
  const { sent } = await run(LOGIN, { username: 'tim', password: 'secret' }, ['Username:', 'Password:']);
  expect(sent).toEqual(['tim', 'secret']);
});

test('CRAM-MD5: the example of RFC 2195, section 2', async () => {
  const { sent } = await run(CRAM_MD5, { username: 'tim', password: 'tanstaaftanstaaf' }, ['<1896.697170952@postoffice.reston.mci.net>']);
  expect(sent).toEqual(['tim b913a602c7eda7a495b4e6e7334d3890']);
});

describe('SCRAM-SHA-256', () => {
  const user = { username: 'user', password: 'pencil' };
  const offer = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
  const proof = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

  test('the example of RFC 7677, section 3', async () => {
    expect(await run(SCRAM_SHA_256, user, [offer, proof, 'accepted'], 'rOprNGfwEbeRWgbNEkqO')).toEqual({
      sent: [
        'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
        '',
      ],
      end: undefined,
    });
  });

  test('a name with a comma and an equals sign', async () => {
    const { sent } = await run(SCRAM_SHA_256, { username: 'a=b,c', password: 'x' }, []);
    expect(sent[0]).toBe('n,,n=a=3Db=2Cc,r=AAAA');
  });

  test.each([
    ['does not know the password', [offer, 'v=AAAA'], /does not know the password/],
    ['accepts at once', ['accepted'], /without proving/],
    ['accepts without proof', [offer, 'accepted'], /without proving/],
    ['answers another nonce', [offer.replace('rOpr', 'xxxx')], /makes no sense/],
    ['adds nothing to the nonce', ['r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096'], /makes no sense/],
    ['wants less work than protects a password', [offer.replace('i=4096', 'i=1')], /4096 are the least/],
    ['wants the board to compute for a day', [offer.replace('i=4096', 'i=2000000000')], /makes no sense/],
    ['sends nonsense', ['\u0000\u00ff'], /makes no sense/],
  ])('a server that %s', async (_name, challenges, problem) => {
    const { end } = await run(SCRAM_SHA_256, user, challenges, 'rOprNGfwEbeRWgbNEkqO');
    expect(end).toMatch(problem);
  });
});
