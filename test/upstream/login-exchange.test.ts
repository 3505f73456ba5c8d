// Logins that go wrong, over a connection: which mechanism is next, how often the password is sent, and what is shown of a
// server's words.

import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { FORGETFUL } from '../../src/upstream/habits.ts';
import { Trust } from '../../src/upstream/trust.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { collectNews } from '../support/fakes/news.ts';
import { CERTIFICATE, politeUpstream, type ScriptedUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';

const PASSWORD = 'correct horse';
const PLAIN = Buffer.from(`\0me@example.org\0${PASSWORD}`).toString('base64');

const servers: ScriptedUpstream[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function setUp(auth: string, answer: (line: string) => string | undefined) {
  const server = await scriptedUpstream((peer) => politeUpstream(peer, { offersSecure: [auth], answers: { AUTH: answer } }));
  servers.push(server);
  const news = collectNews();
  const upstream = new Upstream(
    {
      security: 'starttls',
      host: '127.0.0.1',
      port: server.port,
      credentials: { username: 'me@example.org', password: PASSWORD },
      auth: 'auto',
    },
    {
      clock: systemClock,
      random: systemRandom,
      hostname: 'gate.example',
      mayNotify: () => true,
      trust: new Trust({ ca: CERTIFICATE.cert, pin: undefined }),
      tell: news.tell,
      learn: () => {},
      habits: FORGETFUL,
    },
  );
  const send = () =>
    upstream.send(
      {
        envelope: {
          reversePath: { localPart: 'cam', domain: 'example.org' },
          recipients: [{ forwardPath: { localPart: 'you', domain: 'example.org' } }],
          parameters: {},
        },
        octets: 4,
        body: () => once('hi\r\n'),
      },
      new AbortController().signal,
    );
  const logins = () => server.heard.filter((line) => line.includes('AUTH')).map((line) => line.slice(2));
  return { send, news, logins };
}

async function* once(text: string) {
  yield Buffer.from(text);
}

describe('a mechanism that is not known', () => {
  test.each([500, 501, 502, 503, 504])('%i: the next one, on the same connection; and it is remembered', async (code) => {
    const { send, logins, news } = await setUp('AUTH CRAM-MD5 PLAIN', (line) =>
      line.includes('CRAM') ? `${code} 5.5.4 what?\r\n` : '235 ok\r\n',
    );
    expect(await send()).toMatchObject({ result: 'answered' });
    expect(logins()).toEqual(['AUTH CRAM-MD5', `AUTH PLAIN ${PLAIN}`]);
    expect(news.of('upstreamLearned')).toMatchObject([{ sentence: expect.stringContaining('CRAM-MD5') }]);
  });

  test('the password goes twice over a connection at most', async () => {
    const { send, logins } = await setUp('AUTH PLAIN LOGIN CRAM-MD5', (line) =>
      line.includes('AUTH') ? '504 5.5.4 what?\r\n' : '500\r\n',
    );
    expect(await send()).toMatchObject({ result: 'no-answer', failure: { stage: expect.stringMatching(/auth|mechanism/) } });
    expect(logins()).toEqual(['AUTH CRAM-MD5', `AUTH PLAIN ${PLAIN}`, 'AUTH LOGIN']);
  });
});

test('a refused SCRAM is followed by PLAIN at the next login, not at once', async () => {
  const { send, logins } = await setUp('AUTH SCRAM-SHA-256 PLAIN', (line) =>
    line.includes('SCRAM') ? '535 5.7.8 Error: authentication failed\r\n' : '235 ok\r\n',
  );
  expect(await send()).toMatchObject({
    failure: { problem: expect.stringMatching(/by SCRAM-SHA-256 was refused.*the next login is by PLAIN/) },
  });
  expect(logins()).toHaveLength(1);
  expect(await send()).toMatchObject({ result: 'answered' });
  expect(logins()[1]).toBe(`AUTH PLAIN ${PLAIN}`);
});

describe('a server that repeats what it heard', () => {
  const shown = async (answer: (line: string) => string) => {
    const { send } = await setUp('AUTH PLAIN', answer);
    return JSON.stringify(await send());
  };
  test.each<[string, (line: string) => string]>([
    ['the response', (line) => `535 5.7.8 no: ${line}\r\n`],
    ['its octets', () => `535 5.7.8 \\0me@example.org\\0${PASSWORD}\r\n`],
    ['the password in base64', () => `500 unknown command ${Buffer.from(PASSWORD).toString('base64')}\r\n`],
    ['the line as nonsense', (line) => `${line}\r\n`],
    ['on the second line', (line) => `535-no\r\n535 ${line}\r\n`],
  ])('%s', async (_name, answer) => {
    const text = await shown(answer);
    expect(text).toMatch(/\.\.\.|a line of \d+ octets/);
    for (const secret of [PASSWORD, PLAIN, Buffer.from(PASSWORD).toString('base64')]) expect(text).not.toContain(secret);
  });
});
