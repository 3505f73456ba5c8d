// `check --connect` and `send-test` do the real thing, and tell each step.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import { type LibraryUpstream, libraryUpstream, PASSWORD, USER } from '../../scripts/lib/library-upstream.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { CERTIFICATE, politeUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';
import { runProgram } from '../support/programs/relay-process.ts';

let upstream: LibraryUpstream;
beforeAll(async () => {
  upstream = await libraryUpstream({ server: { size: 5_000_000 } });
});
afterAll(() => upstream.close());

const environment = (more: Record<string, string> = {}) => ({
  GATEPOST_UPSTREAM: `smtp://127.0.0.1:${upstream.port}`,
  GATEPOST_UPSTREAM_USERNAME: USER,
  GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
  GATEPOST_UPSTREAM_CA: upstream.certificate.cert,
  GATEPOST_HOSTNAME: 'gate.example',
  ...more,
});

test('check --connect: each step, the certificate, the login, the size', async () => {
  const { code, stdout, stderr } = await runProgram(['check', '--connect'], environment());
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const [, steps = ''] = stdout.split('The configuration is right.\n');
  expect(steps.split('\n')).toEqual([
    `127.0.0.1:${upstream.port}:`,
    `  connected to 127.0.0.1 port ${upstream.port}`,
    expect.stringMatching(/^ {2}greeting: 220 /),
    expect.stringMatching(/^ {2}STARTTLS: 220 /),
    expect.stringMatching(/^ {2}TLSv1\.3, certificate of localhost, signed by localhost, valid until /),
    expect.stringMatching(/^ {2}offers: .*SIZE 5000000.*/),
    `  logged in as ${USER} (PLAIN)`,
    '  takes messages of up to 4.8 MiB',
    `  takes mail from ${USER} to ${USER}; nothing was sent`,
    '  all is well',
    '',
  ]);
  expect(stdout).not.toContain(PASSWORD);
});

test.each<[string, Record<string, string>, number, RegExp]>([
  [
    'a wrong password',
    { GATEPOST_UPSTREAM_PASSWORD: 'not-the-password' },
    77,
    /FAILED at auth: the login as .* was refused: 535.*\n {2}user name or password are wrong/,
  ],
  [
    'a certificate of nobody',
    { GATEPOST_UPSTREAM_CA: selfSigned().cert },
    69,
    /FAILED at tls: the server's certificate is signed by nobody this board trusts/,
  ],
  ['a name that does not exist', { GATEPOST_UPSTREAM: 'smtp://nowhere.invalid' }, 69, /FAILED at resolve: .*\n {2}DNS: /],
])('check --connect with %s', async (_name, more, code, line) => {
  const result = await runProgram(['check', '--connect'], environment(more));
  expect(result.stdout).toMatch(line);
  expect(result.code).toBe(code);
});

describe('check --connect goes as far as RCPT', () => {
  const withAnswers = async (answers: Record<string, (line: string) => string>, more: Record<string, string> = {}) => {
    const picky = await scriptedUpstream((peer) => politeUpstream(peer, { answers }));
    const result = await runProgram(
      ['check', '--connect'],
      environment({ GATEPOST_UPSTREAM: `smtp://127.0.0.1:${picky.port}`, GATEPOST_UPSTREAM_CA: CERTIFICATE.cert, ...more }),
    );
    await picky.close();
    expect(picky.heard.join()).not.toContain('DATA');
    return { ...result, commands: picky.heard.filter((line) => /MAIL|RCPT|RSET|QUIT/.test(line)) };
  };
  test('with the sender and the recipient that are configured', async () => {
    const { code, commands } = await withAnswers({}, { GATEPOST_SENDER: 'alerts@example.org', GATEPOST_BOUNCE_TO: 'owner@example.net' });
    expect(code).toBe(0);
    expect(commands).toEqual([
      expect.stringContaining('MAIL FROM:<alerts@example.org>'),
      expect.stringContaining('RCPT TO:<owner@example.net>'),
      '| RSET',
      '| QUIT',
    ]);
  });
  test.each([
    [
      '550 5.7.60 SMTP; Client does not have permissions to send as this sender',
      69,
      /FAILED at mail: 550 5\.7\.60.*\n {2}.*GATEPOST_SENDER/,
    ],
    ['451 4.3.0 try later', 75, /FAILED at mail: 451/],
  ])('a sender that is refused: %s', async (reply, code, shown) => {
    const result = await withAnswers({ MAIL: () => `${reply}\r\n` });
    expect(result.stdout).toMatch(shown);
    expect(result.stdout).not.toContain('all is well');
    expect(result.code).toBe(code);
  });
});

test('check --connect waits ten seconds for a greeting, and says what silence means', async () => {
  const silent = await scriptedUpstream(async (peer) => void (await peer.line()));
  const began = performance.now();
  const { stdout, code } = await runProgram(['check', '--connect'], environment({ GATEPOST_UPSTREAM: `smtp://127.0.0.1:${silent.port}` }));
  expect(stdout).toMatch(/FAILED at greeting: .*\n {2}the server accepts the connection and says nothing.*smtps:/);
  expect(code).toBe(69);
  expect(performance.now() - began).toBeLessThan(20_000);
  await silent.close();
});

test('a captive portal is recognised', async () => {
  const portal = await scriptedUpstream(async (peer) => {
    peer.say('HTTP/1.1 302 Found', 'Location: http://login.example/');
    peer.end();
  });
  const { stdout } = await runProgram(['check', '--connect'], environment({ GATEPOST_UPSTREAM: `smtp://127.0.0.1:${portal.port}` }));
  expect(stdout).toMatch(
    /FAILED at greeting: this is no SMTP reply: "HTTP\/1\.1 302 Found"\n {2}something else answers on that port: a captive portal/,
  );
  await portal.close();
});

describe('send-test', () => {
  test('sends from the account, past an upstream that is down', async () => {
    const dead = await freePort();
    const upstreams = `smtp://127.0.0.1:${dead},smtp://127.0.0.1:${upstream.port}`;
    const { code, stdout } = await runProgram(['send-test', 'owner@example.org'], environment({ GATEPOST_UPSTREAM: upstreams }));
    expect(stdout).toMatch(new RegExp(`^127\\.0\\.0\\.1:${dead}:\n {2}FAILED at connect`));
    expect(stdout).toContain(`  sent from ${USER} to owner@example.org: 250 `);
    expect(code).toBe(0);
    const [message] = await upstream.waitFor(1);
    expect(message).toMatchObject({ from: USER, to: ['owner@example.org'], user: USER });
    expect(message?.data.toString()).toMatch(
      /^From: <alerts@example\.org>\r\nTo: <owner@example\.org>\r\nSubject: Test from the mail relay gate\.example\r\n/,
    );
  });

  test('a recipient that is refused', async () => {
    const picky = await libraryUpstream({
      certificate: upstream.certificate,
      server: { onRcptTo: (_address, _session, done) => done(Object.assign(new Error('5.1.1 no such user'), { responseCode: 550 })) },
    });
    const { code, stdout } = await runProgram(
      ['send-test', 'nobody@example.org'],
      environment({ GATEPOST_UPSTREAM: `smtp://127.0.0.1:${picky.port}` }),
    );
    expect(stdout).toContain('  FAILED at rcpt: 550 5.1.1 no such user');
    expect(code).toBe(69);
    await picky.close();
  });

  test('no address, or none that is one: exit code 64', async () => {
    for (const argv of [[], ['owner'], ['a b@c'], ['a@b.example', 'c@d.example']])
      expect(await runProgram(['send-test', ...argv], environment())).toMatchObject({ code: 64, stderr: expect.stringContaining('usage') });
  });
});
