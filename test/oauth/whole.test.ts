// The program against an authorization server that others wrote and an upstream that asks that server about each token:
// logins in a terminal, mail, rotation, and what goes wrong.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import { afterEach, expect, test } from 'vitest';
import { trustedBySystem } from '../../scripts/lib/certificate.ts';
import { BUNDLE } from '../../scripts/lib/paths.ts';
import { CERTIFICATE, politeUpstream, type ScriptedUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';
import { temporaryFolder } from '../support/folders.ts';
import { CLIENT, consent, type RealServer, realAuthorizationServer } from '../support/programs/authorization-server.ts';
import { describeWith } from '../support/programs/installed.ts';
import { runProgram, startProcess } from '../support/programs/relay-process.ts';
import { alsoSecret, searchForSecrets, secretsIn } from '../support/secrets.ts';

const ME = 'alerts@example.org';
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** What upstreams see: who logged in with what. */
type Login = { readonly token: string; readonly accepted: boolean };

async function verifyingUpstream(server: RealServer, isRefused: (login: Login, count: number) => boolean = () => false) {
  const logins: Login[] = [];
  const received: string[] = [];
  const upstream: ScriptedUpstream = await scriptedUpstream((peer) =>
    politeUpstream(peer, {
      offersSecure: ['PIPELINING', 'AUTH XOAUTH2'],
      exchange: async (initial) => {
        if (initial === undefined) peer.say('334 ');
        const response = Buffer.from(initial ?? (await peer.line()) ?? '', 'base64').toString();
        const [user = '', token = ''] = response.split('\u0001').map((field) => field.replace(/^(?:user=|auth=Bearer )/, ''));
        alsoSecret(token);
        const login = { token, accepted: await server.accepts(token, user) };
        logins.push(login);
        if (login.accepted && !isRefused(login, logins.length)) return peer.say('235 2.7.0 ok');
        peer.say(`334 ${Buffer.from('{"status":"401"}').toString('base64')}`);
        await peer.line();
        peer.say('535 5.7.8 no');
      },
      afterDot: (data, peer) => {
        received.push(data);
        setTimeout(() => peer.end(), 100); // so that each message needs a login
        return '250 2.0.0 taken';
      },
    }),
  );
  open.push(upstream);
  return { port: upstream.port, logins, received };
}

async function setUp(
  more: Record<string, string> = {},
  options: { readonly seconds?: number; readonly isRefused?: (login: Login, count: number) => boolean } = {},
) {
  const server = await realAuthorizationServer(options.seconds);
  open.push(server);
  const upstream = await verifyingUpstream(server, options.isRefused);
  const folder = temporaryFolder();
  const spool = join(folder, 'spool');
  const environment = {
    ...trustedBySystem(CERTIFICATE, folder),
    GATEPOST_UPSTREAM: `smtp://${encodeURIComponent(ME)}@127.0.0.1:${upstream.port}`,
    GATEPOST_UPSTREAM_CA: CERTIFICATE.cert,
    GATEPOST_SPOOL_DIR: spool,
    GATEPOST_OAUTH: 'generic',
    GATEPOST_OAUTH_CLIENT_ID: CLIENT.id,
    GATEPOST_OAUTH_CLIENT_SECRET: CLIENT.secret,
    GATEPOST_OAUTH_TOKEN_URL: `${server.url}/token`,
    GATEPOST_OAUTH_SCOPE: 'openid offline_access mail',
    GATEPOST_ALLOW: '127.0.0.1',
    ...more,
  };
  const relay = await startProcess(environment);
  open.push({ close: async () => void (await relay.end()) });
  return { server, upstream, environment, relay, spool };
}

/** `gatepost oauth login` in a pseudo-terminal; `act` is given the output so far at each change, and what types. */
async function login(environment: Record<string, string>, act: (output: string, type: (line: string) => void) => void) {
  secretsIn(environment);
  const child = spawn('script', ['-qec', `"${process.execPath}" "${BUNDLE}" oauth login`, '/dev/null'], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    act(output, (line) => child.stdin.write(`${line}\n`));
  });
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  searchForSecrets(output, 'the terminal');
  return { code, output };
}

/** Types the code in a browser as soon as it is shown. */
async function loginByCode(environment: Record<string, string>, url: string) {
  let consenting: Promise<URL> | undefined;
  const result = await login(environment, (output) => {
    const [, code] = /^ {4}([A-Z]{4}-[A-Z]{4})\r?$/m.exec(output) ?? [];
    if (code !== undefined) consenting ??= consent(`${url}/device?user_code=${code}`, ME);
  });
  await consenting;
  return result;
}

const tokenFile = (spool: string) => {
  const name = readdirSync(join(spool, 'oauth')).find((one) => one.endsWith('.json')) ?? '';
  return join(spool, 'oauth', name);
};
const stored = (spool: string): string =>
  (JSON.parse(readFileSync(tokenFile(spool), 'utf8')) as { readonly refreshToken: string }).refreshToken;

const send = (port: number) =>
  nodemailer
    .createTransport({ host: '127.0.0.1', port, ignoreTLS: true })
    .sendMail({ from: 'cam@lan.example', to: 'you@example.org', text: 'hi' });

const withDevice = async (options: Parameters<typeof setUp>[1] = {}, more: Record<string, string> = {}) => {
  const set = await setUp({ GATEPOST_OAUTH_AUTH_URL: 'https://127.0.0.1:1/auth', ...more }, options);
  return { ...set, byCode: { ...set.environment, GATEPOST_OAUTH_DEVICE_URL: `${set.server.url}/device/auth` } };
};

describeWith(['script'], 'gatepost oauth login', () => {
  test('with a code: the mail that waited goes at once', async () => {
    const { server, upstream, relay, byCode, spool } = await withDevice();
    await send(relay.port);
    const down = await relay.waitFor(({ event }) => event === 'upstreamDown');
    expect(JSON.stringify(down)).toMatch(/nobody has logged in for this account yet.*gatepost oauth login/);
    const { code, output } = await loginByCode(byCode, server.url);
    expect(output).toMatch(/logged in as alerts@example\.org \(XOAUTH2\)\r?\n {2}all is well/);
    expect(output).toMatch(/[▀▄█]{5}/);
    expect(code).toBe(0);
    await relay.waitFor(({ event }) => event === 'delivered');
    expect(upstream.received).toHaveLength(1);
    expect(server.grants[0]).toBe('urn:ietf:params:oauth:grant-type:device_code');
    alsoSecret(stored(spool));
    const status = await runProgram(['oauth', 'status'], byCode);
    expect(status.stdout).toMatch(/^alerts@example\.org at 127\.0\.0\.1: logged in since 20/);
    expect(await runProgram(['status'], byCode)).toMatchObject({ code: 0 });
  });

  test('in a browser elsewhere: the address is pasted, after some slips', async () => {
    const { server, environment } = await setUp();
    const byBrowser = { ...environment, GATEPOST_OAUTH_AUTH_URL: `${server.url}/auth` };
    let pasting: Promise<void> | undefined;
    const { code, output } = await login(byBrowser, (shown, type) => {
      const [, address] = /^(https:\/\/\S+\/auth\?\S+)\r?$/m.exec(shown) ?? [];
      if (address === undefined || !shown.includes('paste it here')) return;
      pasting ??= consent(address, ME).then((redirect) => {
        type('what?');
        type(redirect.href.replace(/state=[^&]+/, 'state=of-another-login'));
        type(redirect.href);
      });
    });
    await pasting;
    expect(output.match(/that is not the address of the page/g)).toHaveLength(2);
    expect(output).toContain('all is well');
    expect(code).toBe(0);
    expect(server.grants).toEqual(['authorization_code', 'refresh_token']);
  });

  test('in a browser on the board: the redirect is caught', async () => {
    const { server, environment } = await setUp();
    let catching: Promise<void> | undefined;
    const { code, output } = await login({ ...environment, GATEPOST_OAUTH_AUTH_URL: `${server.url}/auth` }, (shown) => {
      const [, address] = /^(https:\/\/\S+\/auth\?\S+)\r?$/m.exec(shown) ?? [];
      if (address === undefined) return;
      catching ??= consent(address, ME).then(async (redirect) => {
        expect((await fetch(redirect.href.replace(/state=[^&]+/, 'state=of-another-login'))).status).toBe(404);
        expect((await fetch(redirect)).status).toBe(200);
      });
    });
    await catching;
    expect(output).toContain('all is well');
    expect(code).toBe(0);
  });

  test('of another account than the mailbox is refused, and said', async () => {
    const { server, byCode } = await withDevice();
    let consenting: Promise<URL> | undefined;
    const { code, output } = await login(byCode, (shown) => {
      const [, typed] = /^ {4}([A-Z]{4}-[A-Z]{4})\r?$/m.exec(shown) ?? [];
      if (typed !== undefined) consenting ??= consent(`${server.url}/device?user_code=${typed}`, 'somebody@example.org');
    });
    await consenting;
    expect(output).toMatch(/the token is of another account/);
    expect(code).toBe(77);
  });
});

describeWith(['script'], 'mail', () => {
  test('an expired token is renewed, and the refresh token that works is on the flash each time', async () => {
    const { server, relay, byCode, spool, upstream } = await withDevice({ seconds: 1 });
    await loginByCode(byCode, server.url);
    const seen = new Set([stored(spool)]);
    for (let round = 1; round <= 3; round++) {
      await send(relay.port);
      await expect.poll(() => upstream.received.length, { timeout: 15_000 }).toBe(round);
      seen.add(stored(spool));
      alsoSecret(stored(spool));
      await new Promise((resolve) => setTimeout(resolve, 1_100)); // the token expires
    }
    expect(seen.size).toBe(4);
  });

  test('a token that the upstream refuses is renewed and tried again, and nothing is down', async () => {
    const { server, relay, byCode, upstream } = await withDevice({ isRefused: (_, count) => count === 2 });
    await loginByCode(byCode, server.url); // the first login at the upstream
    await send(relay.port);
    await relay.waitFor(({ event }) => event === 'delivered');
    expect(upstream.logins).toHaveLength(3);
    expect(upstream.logins[2]?.token).not.toBe(upstream.logins[1]?.token);
    expect(relay.log.filter(({ event }) => event === 'upstreamDown')).toEqual([]);
  });

  test('killed and started again: the stored right goes on', async () => {
    const { server, relay, byCode, upstream } = await withDevice();
    await loginByCode(byCode, server.url);
    await send(relay.port);
    await expect.poll(() => upstream.received.length, { timeout: 15_000 }).toBe(1);
    await relay.end('SIGKILL');
    const again = await startProcess(byCode);
    open.push({ close: async () => void (await again.end()) });
    await send(again.port);
    await again.waitFor(({ event }) => event === 'delivered');
    expect(upstream.logins.every(({ accepted }) => accepted)).toBe(true);
  });
});

describeWith(['script'], 'what goes wrong', () => {
  test('after a logout the right is gone, here and there', async () => {
    const { server, byCode, spool } = await withDevice();
    await loginByCode(byCode, server.url);
    expect((await runProgram(['oauth', 'logout'], byCode)).stdout).toMatch(/logged out/);
    expect(readdirSync(join(spool, 'oauth')).filter((name) => name.endsWith('.json'))).toEqual([]);
    expect((await runProgram(['oauth', 'status'], byCode)).stdout).toMatch(/not logged in/);
    const { code, stdout } = await runProgram(['check', '--connect'], byCode);
    expect(stdout).toMatch(/FAILED at auth: nobody has logged in/);
    expect(code).toBe(77);
  });

  test('a right that the server does not know any more: invalid_grant, loud, seldom tried, no mail lost', async () => {
    const { server, relay, byCode, spool } = await withDevice();
    await loginByCode(byCode, server.url);
    writeFileSync(tokenFile(spool), JSON.stringify({ refreshToken: 'no-such-token', since: 1 }));
    alsoSecret('no-such-token');
    await send(relay.port);
    const down = await relay.waitFor(({ event }) => event === 'upstreamDown');
    expect(down['retry']).toSatisfy((seconds) => Number.parseInt(String(seconds), 10) >= 400);
    expect(JSON.stringify(down)).toMatch(/invalid_grant.*log in again: gatepost oauth login/);
    expect((await runProgram(['status'], byCode)).stdout).toMatch(/log in again/);
    expect((await runProgram(['queue'], byCode)).stdout).toContain('you@example.org');
  });

  test.each([
    ['HTML', { status: 200, body: '<html>the hotel</html>' }],
    ['500', { status: 500, body: '{}' }],
    ['a redirect', { status: 302, body: '' }],
  ])('a server that answers %s is an outage like any other', async (_name, instead) => {
    const { server, relay, byCode, upstream } = await withDevice();
    await loginByCode(byCode, server.url);
    server.instead = (path) => (path === '/token' ? instead : undefined);
    await send(relay.port);
    const down = await relay.waitFor(({ event }) => event === 'upstreamDown');
    expect(Number.parseInt(String(down['retry']), 10)).toBeLessThanOrEqual(10);
    server.instead = undefined;
    await expect.poll(() => upstream.received.length, { timeout: 18_000 }).toBe(1);
  });
});

test('before the relay was started: a sentence, and no folder that belongs to the wrong user', async () => {
  const environment = {
    GATEPOST_UPSTREAM: 'smtp://me@smtp.gmail.com',
    GATEPOST_OAUTH: 'google',
    GATEPOST_OAUTH_CLIENT_ID: 'x',
    GATEPOST_OAUTH_CLIENT_SECRET: 'secret-of-the-client',
    GATEPOST_SPOOL_DIR: join(temporaryFolder(), 'none'),
  };
  for (const verb of ['login', 'logout']) {
    const { code, stderr } = await runProgram(['oauth', verb], environment);
    expect(stderr).toBe('gatepost: there is no spool directory yet: start the relay once\n');
    expect(code).toBe(69);
  }
  expect((await runProgram(['oauth', 'frob'], environment)).code).toBe(64);
  expect((await runProgram(['oauth', 'login', 'nobody'], environment)).stderr).toContain('there is no account nobody');
  expect((await runProgram(['oauth', 'status'], { GATEPOST_UPSTREAM: 'smtp://a:b@h.example' })).code).toBe(78);
  expect((await runProgram(['check'], environment)).stdout).toContain(
    'logging in as me with OAuth tokens that "gatepost oauth login" gets the right to',
  );
});
