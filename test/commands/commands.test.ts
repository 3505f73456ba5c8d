// The built program, from the outside: commands, exit codes, what is said when it can't start.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import nodemailer from 'nodemailer';
import { describe, expect, test } from 'vitest';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import { BUNDLE } from '../../scripts/lib/paths.ts';
import { VARIABLES } from '../../src/config/settings.ts';
import { temporaryFolder } from '../support/folders.ts';
import { finished } from '../support/processes.ts';
import { runProgram, startProcess } from '../support/programs/relay-process.ts';

const UPSTREAM = { GATEPOST_UPSTREAM: 'smtp://user:hunter2@127.0.0.1:9' };

test('version and help', async () => {
  expect((await runProgram(['version'])).stdout).toMatch(/^gatepost \d+\.\d+\.\d+ \(\S+\), Node v\d+\.\d+\.\d+, linux \w+\n$/);
  const { stdout, code } = await runProgram(['--help']);
  expect(stdout).toContain('gatepost check');
  expect(code).toBe(0);
  expect((await runProgram(['check', '--help'])).code).toBe(0);
});

test('an unknown command or option: one line, exit code 64', async () => {
  for (const argv of [['frob'], ['config', '--frob'], ['config', 'x'], ['__proto__']]) {
    const { code, stderr } = await runProgram(argv, UPSTREAM);
    expect(code).toBe(64);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  }
});

test('hash-password makes a line that the configuration understands', async () => {
  const child = spawn(process.execPath, [BUNDLE, 'hash-password'], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end('s3cret\n');
  const { stdout, code } = await finished(child);
  expect(code).toBe(0);
  const check = await runProgram(['check'], {
    ...UPSTREAM,
    GATEPOST_DEVICE_AUTH: 'required',
    GATEPOST_DEVICE_USERS: `cam:${stdout}`,
    GATEPOST_SENDER: 'alerts@example.org',
  });
  expect(check.stderr).toBe('');
  expect(check.stdout).toContain('logging in as one of the users: cam');
  expect(check.stdout).toContain('Every message is sent as alerts@example.org');
  expect(check.stdout).not.toContain(stdout.trim());
});

test('a reader that has seen enough is no error', async () => {
  const child = spawn('sh', ['-c', `"$0" "$1" config | true; "$0" "$1" config | head -1`, process.execPath, BUNDLE], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(await finished(child)).toEqual({ code: 0, stdout: 'The upstream\n', stderr: '' });
});

test('config lists every variable, also as JSON', async () => {
  const { stdout } = await runProgram(['config']);
  for (const { name } of VARIABLES) expect(stdout).toContain(`GATEPOST_${name}\n`);
  expect(JSON.parse((await runProgram(['config', '--json'])).stdout)).toHaveLength(VARIABLES.length);
});

describe('check and run', () => {
  test('check explains, without secrets', async () => {
    const { code, stdout, stderr } = await runProgram(['check'], { ...UPSTREAM, GATEPOST_SPOOL_SIZE: '8MiB' });
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain('Mail goes to 127.0.0.1:9, STARTTLS required');
    expect(stdout).toContain('GATEPOST_MAX_MESSAGE is 25 MiB, but a spool of that size can hold');
    expect(stdout).not.toContain('hunter2');
  });

  test('mistakes: one line each, exit code 78', async () => {
    for (const command of ['check', 'run']) {
      const { code, stderr } = await runProgram([command], { GATEPOST_SPOOL_SIZE: 'x', GATEPOST_FRO: '1' });
      expect(code).toBe(78);
      expect(
        stderr
          .trim()
          .split('\n')
          .map((line) => line.split(':').slice(0, 2).join(':')),
      ).toEqual(['gatepost: GATEPOST_FRO', 'gatepost: GATEPOST_UPSTREAM', 'gatepost: GATEPOST_SPOOL_SIZE']);
    }
  });

  test('the spool of another running relay is refused, and free again when that ends, however it ends', async () => {
    const folder = temporaryFolder();
    const environment = { ...UPSTREAM, GATEPOST_SPOOL_DIR: folder };
    const first = await startProcess(environment);
    const second = await runProgram(['run'], { ...environment, GATEPOST_LISTEN: '127.0.0.1:0' });
    expect(second.code).toBe(69);
    expect(second.stderr).toBe(`gatepost: the spool directory ${folder} is used by another running relay\n`);
    await first.end('SIGKILL');
    const third = await startProcess(environment);
    expect(await third.end()).toBe(0);
  });

  test('a spool directory that cannot be made or written', async () => {
    const folder = temporaryFolder();
    writeFileSync(`${folder}/file`, '');
    const { code, stderr } = await runProgram(['run'], {
      ...UPSTREAM,
      GATEPOST_SPOOL_DIR: `${folder}/file/spool`,
      GATEPOST_LISTEN: '127.0.0.1:0',
    });
    expect(code).toBe(69);
    expect(stderr).toMatch(/^gatepost: the spool directory .*\/file\/spool can't be made: ENOTDIR[^\n]*\n$/);
  });

  test('a port in use', async () => {
    const relay = await startProcess({ ...UPSTREAM, GATEPOST_SPOOL_DIR: temporaryFolder() });
    const { code, stderr } = await runProgram(['run'], {
      ...UPSTREAM,
      GATEPOST_SPOOL_DIR: temporaryFolder(),
      GATEPOST_LISTEN: `127.0.0.1:${relay.port}`,
    });
    expect(code).toBe(69);
    expect(stderr).toMatch(
      new RegExp(`^gatepost: 127\\.0\\.0\\.1 port ${relay.port} is in use by another program; "ss -ltnp" shows which`),
    );
    await relay.end();
  });

  // Only root can become another user.
  test.skipIf(process.getuid?.() !== 0)('as an ordinary user: port 25 and a foreign folder say how to go on', async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    mkdirSync(`${folder}/mine`);
    const run = (environment: Record<string, string>) =>
      finished(
        spawn('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, BUNDLE, 'run'], {
          env: { PATH: process.env['PATH'] ?? '', ...UPSTREAM, ...environment },
        }),
      );
    const foreign = await run({ GATEPOST_SPOOL_DIR: `${folder}/mine`, GATEPOST_LISTEN: '127.0.0.1:0' });
    expect(foreign).toMatchObject({ code: 69, stderr: expect.stringMatching(/^gatepost: the spool directory .* can't be used: EACCES/) });

    chmodSync(`${folder}/mine`, 0o777);
    // Some machines let everybody bind low ports; the test makes its own namespace where nobody may.
    const port = spawn(
      'unshare',
      [
        '--net',
        'sh',
        '-c',
        'ip link set lo up 2>/dev/null; echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start; exec "$@"',
        'sh',
        'setpriv',
        '--reuid',
        '65534',
        '--regid',
        '65534',
        '--clear-groups',
        process.execPath,
        BUNDLE,
        'run',
      ],
      {
        env: { PATH: process.env['PATH'] ?? '', ...UPSTREAM, GATEPOST_SPOOL_DIR: `${folder}/mine`, GATEPOST_LISTEN: '127.0.0.1:25' },
      },
    );
    expect(await finished(port)).toMatchObject({
      code: 69,
      stderr: expect.stringMatching(/^gatepost: port 25 is not permitted to this user: .*AmbientCapabilities=CAP_NET_BIND_SERVICE/),
    });
  });
});

describe('status', () => {
  test('of a running relay, for people and as JSON; it needs to know no more than where the spool is', async () => {
    const folder = temporaryFolder();
    const relay = await startProcess({ ...UPSTREAM, GATEPOST_SPOOL_DIR: folder });
    const { stdout, code } = await runProgram(['status'], { GATEPOST_SPOOL_DIR: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^gate\.example: Gatepost \S+, up \d+ s, listening on 127\.0\.0\.1:\d+\n0 messages wait; .*\nupstream 127\.0\.0\.1:9 has answered no message yet\nwritten to flash: today 1\.0 MiB in \d+ syncs/,
    );
    const status = JSON.parse((await runProgram(['status', '--json'], { GATEPOST_SPOOL_DIR: folder })).stdout) as Record<string, unknown>;
    expect(status).toMatchObject({ spool: { messages: 0 }, upstreams: [{ state: 'untried' }], flash: { total: { octets: 2 ** 20 } } });
    expect(statSync(`${folder}/control.sock`).mode & 0o777).toBe(0o600);
    await relay.end('SIGKILL');
    const away = await runProgram(['status'], { GATEPOST_SPOOL_DIR: folder });
    expect(away).toMatchObject({ code: 69, stderr: `gatepost: no relay is running with ${folder}/control.sock\n` });
    // The dead relay's socket is no obstacle.
    const again = await startProcess({ ...UPSTREAM, GATEPOST_SPOOL_DIR: folder });
    expect((await runProgram(['status'], { GATEPOST_SPOOL_DIR: folder })).code).toBe(0);
    expect(await again.end()).toBe(0);
  });

  test('a socket that can not be made costs the command, not the relay', async () => {
    const relay = await startProcess({
      ...UPSTREAM,
      GATEPOST_SPOOL_DIR: temporaryFolder(),
      GATEPOST_CONTROL_SOCKET: '/nonexistent/socket',
    });
    expect(relay.log.find(({ event }) => event === 'fault')?.['where']).toBe('control socket /nonexistent/socket');
    expect(await relay.end()).toBe(0);
  });
});

test('spool verify reads spools at rest and changes nothing', async () => {
  const folder = temporaryFolder();
  const relay = await startProcess({ ...UPSTREAM, GATEPOST_SPOOL_DIR: folder });
  const device = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true });
  const { response } = await device.sendMail({ envelope: { from: 'a@b.example', to: 'c@d.example' }, raw: 'Subject: x\r\n\r\nbody\r\n' });
  await relay.end('SIGKILL');
  const before = readFileSync(`${folder}/000000.segment`);
  const { stdout, code } = await runProgram(['spool', 'verify', folder, '/nonexistent']);
  const [verified, missing] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const bodySha256 = createHash('sha256').update('body\r\n').digest('hex');
  expect(verified).toEqual({
    messages: [{ id: /queued as (\w+)/.exec(response)?.[1], octets: expect.any(Number), bodySha256 }],
    damage: [],
  });
  expect(missing).toHaveProperty('error');
  expect(code).toBe(69);
  expect(readFileSync(`${folder}/000000.segment`).equals(before)).toBe(true);
  expect((await runProgram(['spool'])).code).toBe(64);
});

test('what stands in the place of a segment hangs neither the relay nor spool verify', async () => {
  const folder = temporaryFolder();
  execFileSync('mkfifo', [`${folder}/000000.segment`]);
  mkdirSync(`${folder}/000001.segment`);
  const damage = [
    { segment: '000000.segment', problem: 'a pipe stands in its place', lost: [], maybeLost: [] },
    { segment: '000001.segment', problem: 'a folder stands in its place', lost: [], maybeLost: [] },
  ];
  expect(JSON.parse((await runProgram(['spool', 'verify', folder])).stdout)).toEqual({ messages: [], damage });
  const relay = await startProcess({ ...UPSTREAM, GATEPOST_SPOOL_DIR: folder });
  expect(relay.log.filter(({ event }) => event === 'spoolDamaged')).toMatchObject(
    damage.map(({ segment, problem }) => ({ segment, problem })),
  );
  expect(await relay.end()).toBe(0);
});

test('the running relay has forgotten its secrets', async () => {
  const relay = await startProcess({ ...UPSTREAM, GATEPOST_SPOOL_DIR: temporaryFolder() });
  expect(JSON.stringify(relay.log)).not.toContain('hunter2');
  expect(await relay.end()).toBe(0);
  expect(relay.log.at(-1)?.event).toBe('stopped');
});

test('sockets that systemd passes take the place of GATEPOST_LISTEN', async () => {
  // What systemd does, in Python: bind, pass as descriptors 3 and 4, and become the program.
  const script = `
import os, socket, sys
sockets = []
for descriptor in (3, 4):
    listening = socket.socket(); listening.bind(('127.0.0.1', 0)); listening.listen()
    sockets.append(listening.detach())
for wanted, have in zip((3, 4), sockets):
    if have != wanted: os.dup2(have, wanted)
    os.set_inheritable(wanted, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', LISTEN_FDNAMES='smtp:smtps')
os.execv(sys.argv[1], sys.argv[1:])
`;
  const certificate = selfSigned();
  const relay = await startProcess(
    {
      ...UPSTREAM,
      GATEPOST_SPOOL_DIR: temporaryFolder(),
      GATEPOST_LISTEN: '127.0.0.1:1',
      GATEPOST_DEVICE_TLS_CERT: certificate.cert,
      GATEPOST_DEVICE_TLS_KEY: certificate.key,
    },
    { prefix: ['python3', '-c', script] },
  );
  const [plain = '', secure = ''] = String(relay.log.find(({ event }) => event === 'started')?.['listening']).split(',');
  expect([plain, secure]).not.toContain('127.0.0.1:1');
  for (const [address, isSecure] of [
    [plain, false],
    [secure, true],
  ] as const) {
    const device = nodemailer.createTransport({
      host: '127.0.0.1',
      port: Number(address.split(':')[1]),
      secure: isSecure,
      ignoreTLS: !isSecure,
      tls: { rejectUnauthorized: false },
    });
    const { response } = await device.sendMail({ envelope: { from: 'a@b.example', to: 'c@d.example' }, raw: 'Subject: x\r\n\r\nbody\r\n' });
    expect(response).toContain('queued as');
  }
  expect(await relay.end()).toBe(0);
});
