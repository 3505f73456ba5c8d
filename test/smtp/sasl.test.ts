import { describe, expect, test } from 'vitest';
import { type ClientMechanism, CRAM_MD5, LOGIN, PLAIN, SCRAM_SHA_256 } from '../../src/smtp/sasl.ts';

const nonceOf = (text: string) => () => Buffer.from(text, 'base64url');

/** Runs the mechanism against challenges in plain text: what it says, first to last, and how it ends. */
async function run(
  mechanism: ClientMechanism,
  credentials: { username: string; password: string },
  challenges: readonly (string | 'accepted')[],
  nonce = 'AAAA',
) {
  const exchange = mechanism.start(credentials, nonceOf(nonce));
  const said: string[] = [];
  let last = await exchange.next('accepted');
  if (mechanism.clientFirst) said.push(String(last.value));
  for (const challenge of challenges) {
    last = await exchange.next(challenge === 'accepted' ? 'accepted' : Buffer.from(challenge));
    if (Buffer.isBuffer(last.value)) said.push(last.value.toString());
  }
  return { said, end: last.done === true ? last.value : 'not at its end' };
}

test('PLAIN: RFC 4616, section 4', async () => {
  expect(await run(PLAIN, { username: 'tim', password: 'tanstaaftanstaaf' }, ['accepted'])).toEqual({
    said: ['\0tim\0tanstaaftanstaaf'],
    end: undefined,
  });
});

test('LOGIN asks for the name, then the password', async () => {
  const { said } = await run(LOGIN, { username: 'tim', password: 'secret' }, ['Username:', 'Password:']);
  expect(said).toEqual(['tim', 'secret']);
});

test('CRAM-MD5: the example of RFC 2195, section 2', async () => {
  const { said } = await run(CRAM_MD5, { username: 'tim', password: 'tanstaaftanstaaf' }, ['<1896.697170952@postoffice.reston.mci.net>']);
  expect(said).toEqual(['tim b913a602c7eda7a495b4e6e7334d3890']);
});

describe('SCRAM-SHA-256', () => {
  const user = { username: 'user', password: 'pencil' };
  const offer = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
  const proof = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

  test('the example of RFC 7677, section 3', async () => {
    expect(await run(SCRAM_SHA_256, user, [offer, proof, 'accepted'], 'rOprNGfwEbeRWgbNEkqO')).toEqual({
      said: [
        'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
        '',
      ],
      end: undefined,
    });
  });

  test('a name with a comma and an equals sign', async () => {
    const { said } = await run(SCRAM_SHA_256, { username: 'a=b,c', password: 'x' }, []);
    expect(said[0]).toBe('n,,n=a=3Db=2Cc,r=AAAA');
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
