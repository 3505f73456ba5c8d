// Devices that others wrote hand mail over: swaks, curl, Python's smtplib, msmtp. The upstream is one
// that others wrote, too (smtp-server), insisting on STARTTLS and AUTH.

import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LibraryUpstream, libraryUpstream, PASSWORD, USER } from '../../scripts/lib/library-upstream.ts';
import { temporaryFolder } from '../support/folders.ts';
import { describeWith, runWith } from '../support/programs/installed.ts';
import { type RelayProcess, startProcess } from '../support/programs/relay-process.ts';
import { alsoSecret } from '../support/secrets.ts';

alsoSecret('guess-my-password');

let upstream: LibraryUpstream;
let relay: RelayProcess;
const folder = temporaryFolder();

beforeAll(async () => {
  upstream = await libraryUpstream();
  writeFileSync(join(folder, 'ca.pem'), upstream.certificate.cert);
  relay = await startProcess({
    GATEPOST_UPSTREAM: `smtp://127.0.0.1:${upstream.port}`,
    GATEPOST_UPSTREAM_USERNAME: USER,
    GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
    GATEPOST_UPSTREAM_CA_FILE: join(folder, 'ca.pem'),
    GATEPOST_SPOOL_DIR: join(folder, 'spool'),
  });
});
afterAll(async () => {
  await relay.end();
  await upstream.close();
});

/** The next message that arrives upstream while `send` runs. */
async function arriving(send: () => Promise<unknown>) {
  const before = upstream.delivered.length;
  await send();
  const message = (await upstream.waitFor(before + 1))[before];
  if (message === undefined) throw new Error('nothing arrived');
  return { ...message, text: message.data.toString() };
}

/** swaks as a camera; later options win. */
const swaks = (port: number, ...options: string[]) =>
  runWith('', 'swaks', '--server', '127.0.0.1', '--port', String(port), '--from', 'cam@example.org', '--to', 'you@example.org', ...options);

describeWith(['swaks'], 'swaks', () => {
  test('hands a message over', async () => {
    const message = await arriving(async () => {
      const result = await swaks(
        relay.port,
        '--to',
        'you@example.org, me@example.org',
        '--header',
        'Subject: swaks',
        '--body',
        'one\n.two\n',
      );
      expect(result.code, result.stdout).toBe(0);
      expect(result.stdout).toMatch(/<- {2}250 2\.0\.0 queued as /);
    });
    expect(message).toMatchObject({ from: 'cam@example.org', to: ['you@example.org', 'me@example.org'], user: USER });
    expect(message.text).toContain('Subject: swaks\r\n');
    expect(message.text).toMatch(/\r\n\r\none\r\n\.two\r\n/);
  });

  test('with pipelining', async () => {
    await arriving(async () => expect((await swaks(relay.port, '--pipeline')).code).toBe(0));
  });

  test('hears why a recipient is refused', async () => {
    const result = await swaks(relay.port, '--to', 'a@@b');
    expect(result.stdout).toMatch(/<\*\* 501 5\.1\.3 not an address/);
    expect(result.code).not.toBe(0);
  });
});

describeWith(['curl'], 'curl', () => {
  test('hands a message over', async () => {
    const message = await arriving(async () => {
      const result = await runWith(
        'Subject: curl\n\nbody\n',
        'curl',
        '-sS',
        '--crlf',
        `smtp://127.0.0.1:${relay.port}/camera`,
        '--mail-from',
        'cam@example.org',
        '--mail-rcpt',
        'you@example.org',
        '--upload-file',
        '-',
      );
      expect(result.code, result.stderr).toBe(0);
    });
    expect(message.text).toMatch(/^Received: from camera \(\[127\.0\.0\.1\]\)/);
    expect(message.text).toContain('Subject: curl\r\n\r\nbody\r\n');
    expect(message.text).toMatch(/^Date: .*\r$/m);
    expect(message.text).toMatch(/^Message-ID: <.*@gate\.example>\r$/m);
  });
});

const SMTPLIB = `
import smtplib, sys
with smtplib.SMTP('127.0.0.1', int(sys.argv[1]), local_hostname='sensor_1') as server:
    refused = server.sendmail('sensor@example.org', ['you@example.org'], sys.stdin.buffer.read(), mail_options=['BODY=8BITMIME'])
    assert refused == {}, refused
    server.sendmail('sensor@example.org', ['you@example.org'], b'Subject: second\\r\\n\\r\\n')
`;

describeWith(['python3'], "Python's smtplib", () => {
  test('hands two messages over in one session, 8-bit', async () => {
    const before = upstream.delivered.length;
    const result = await runWith(Buffer.from('Subject: Grün\n\nÄÖÜ\n'), 'python3', '-c', SMTPLIB, String(relay.port));
    expect(result.code, result.stderr).toBe(0);
    const arrived = (await upstream.waitFor(before + 2)).slice(before).map(({ data }) => data.toString());
    expect(arrived.find((text) => text.includes('Subject: Grün\r\n\r\nÄÖÜ\r\n'))).toBeDefined();
    expect(arrived.find((text) => text.includes('Subject: second\r\n'))).toBeDefined();
  });
});

describeWith(['msmtp'], 'msmtp', () => {
  test('hands a message over', async () => {
    const message = await arriving(async () => {
      const result = await runWith(
        'To: you@example.org\nSubject: msmtp\n\nbody\n',
        'msmtp',
        '--host=127.0.0.1',
        `--port=${relay.port}`,
        '--from=cam@example.org',
        '--tls=off',
        '--auth=off',
        'you@example.org',
      );
      expect(result.code, result.stderr).toBe(0);
    });
    expect(message.text).toContain('Subject: msmtp\r\n');
  });
});

// ---- TLS and AUTH

let secured: RelayProcess;
let tlsPort: number;
beforeAll(async () => {
  secured = await startProcess({
    GATEPOST_UPSTREAM: `smtp://127.0.0.1:${upstream.port}`,
    GATEPOST_UPSTREAM_USERNAME: USER,
    GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
    GATEPOST_UPSTREAM_CA_FILE: join(folder, 'ca.pem'),
    GATEPOST_SPOOL_DIR: join(folder, 'secured'),
    GATEPOST_LISTEN: '127.0.0.1:0,smtps://127.0.0.1:0',
    GATEPOST_DEVICE_AUTH: 'required',
    GATEPOST_DEVICE_TLS: 'self-signed',
    GATEPOST_DEVICE_USERS: 'cam:pass word',
    GATEPOST_DEVICE_TLS_MIN: '1.0',
    GATEPOST_MAX_CONNECTIONS: '150',
    GATEPOST_MAX_CONNECTIONS_PER_DEVICE: '150',
  });
  const ports = String(secured.log.find(({ event }) => event === 'started')?.['listening'])
    .split(',')
    .map((address) => Number(address.split(':').at(-1)));
  tlsPort = ports[1] ?? 0;
  plainPort = ports[0] ?? 0;
  // The certificate is made after the ports listen.
  while (!(await offersStartTls(plainPort))) await new Promise((resolve) => setTimeout(resolve, 50));
});
let plainPort: number;
afterAll(async () => {
  await secured.end();
});

async function offersStartTls(port: number): Promise<boolean> {
  const probe = new SMTPConnection({ host: '127.0.0.1', port, ignoreTLS: true });
  await new Promise<void>((resolve) => probe.connect(() => resolve()));
  const offers = String((probe as unknown as { lastServerResponse: string }).lastServerResponse);
  probe.quit();
  return offers.includes('STARTTLS');
}

describeWith(['swaks'], 'swaks over plain, STARTTLS and TLS', () => {
  for (const mechanism of ['PLAIN', 'LOGIN', 'CRAM-MD5']) {
    test.each([
      ['plain', [] as string[], 'ESMTPA'],
      ['STARTTLS', ['-tls'], 'ESMTPSA'],
      ['TLS', ['--tls-on-connect'], 'ESMTPSA'],
    ])(`${mechanism} over %s`, async (_name, options, protocol) => {
      const port = options.includes('--tls-on-connect') ? tlsPort : plainPort;
      const message = await arriving(async () => {
        const result = await swaks(port, ...options, '--auth', mechanism, '--auth-user', 'cam', '--auth-password', 'pass word');
        expect(result.code, result.stdout).toBe(0);
      });
      expect(message.text.replace(/\r\n[ \t]+/g, ' ')).toContain(`with ${protocol} id`);
    });
  }

  test('a wrong password is refused', async () => {
    const result = await swaks(plainPort, '--auth', 'PLAIN', '--auth-user', 'cam', '--auth-password', 'guess-my-password');
    expect(result.stdout).toMatch(/<\*\* 535 5\.7\.8 /);
  });
});

describeWith(['curl', 'msmtp', 'openssl'], 'curl, msmtp and openssl with TLS', () => {
  test('curl with STARTTLS required and AUTH', async () => {
    const message = await arriving(async () => {
      const result = await runWith(
        'Subject: curl\n\nbody\n',
        'curl',
        '-sS',
        '-k',
        '--ssl-reqd',
        '--crlf',
        '-u',
        'cam:pass word',
        `smtp://127.0.0.1:${plainPort}`,
        '--mail-from',
        'cam@example.org',
        '--mail-rcpt',
        'you@example.org',
        '--upload-file',
        '-',
      );
      expect(result.code, result.stderr).toBe(0);
    });
    expect(message.text).toContain('Subject: curl');
  });

  test('msmtp with TLS from the first byte', async () => {
    await arriving(async () => {
      const result = await runWith(
        'Subject: msmtp\n\nbody\n',
        'msmtp',
        '--host=127.0.0.1',
        `--port=${tlsPort}`,
        '--from=cam@example.org',
        '--tls=on',
        '--tls-starttls=off',
        '--tls-certcheck=off',
        '--auth=plain',
        '--user=cam',
        "--passwordeval=echo 'pass word'",
        'you@example.org',
      );
      expect(result.code, result.stderr).toBe(0);
    });
  });

  test('openssl s_client by hand, also with TLS 1.0 where that is admitted', async () => {
    for (const options of [[], ['-tls1', '-cipher', 'DEFAULT:@SECLEVEL=0']]) {
      const script = `sleep 0.5; printf 'EHLO me\r\n'; sleep 0.3; printf 'QUIT\r\n'; sleep 0.3`;
      const result = await runWith(
        '',
        'sh',
        '-c',
        `(${script}) | openssl s_client -quiet -crlf -starttls smtp -connect 127.0.0.1:${plainPort} ${options.join(' ')} 2>&1`,
      );
      expect(result.stdout, options.join()).toMatch(/250-gate\.example greets me[\s\S]*221 2\.0\.0 bye/);
    }
  });
});

test('100 devices at once, one of them dripping an octet at a time', { timeout: 60_000 }, async () => {
  const before = upstream.delivered.length;
  const dripping = connect(plainPort, '127.0.0.1');
  dripping.on('error', () => {});
  const words = 'EHLO slow\r\nNOOP\r\n';
  let at = 0;
  const drip = setInterval(() => dripping.write(words[at++ % words.length] ?? ''), 50);
  const devices = Array.from({ length: 99 }, async (_, number) => {
    const device = nodemailer.createTransport({
      host: '127.0.0.1',
      port: plainPort,
      auth: { user: 'cam', pass: 'pass word' },
      tls: { rejectUnauthorized: false },
      ignoreTLS: number % 2 === 0,
    });
    await device.sendMail({
      from: `cam${number}@example.org`,
      to: 'you@example.org',
      subject: `device ${number}`,
      text: 'x'.repeat(number * 100),
    });
  });
  await Promise.all(devices);
  const arrived = (await upstream.waitFor(before + 99)).slice(before).map(({ from }) => from);
  clearInterval(drip);
  dripping.destroy();
  expect(new Set(arrived).size).toBe(99);
});

// npm itself may run on another Node than the one the scripts get; the bundle must run on both.
const otherNode = process.env['npm_node_execpath'];
test.skipIf(otherNode === undefined || otherNode === process.execPath)("the bundle relays on the machine's own Node, too", async () => {
  const second = await startProcess(
    {
      GATEPOST_UPSTREAM: `smtp://127.0.0.1:${upstream.port}`,
      GATEPOST_UPSTREAM_USERNAME: USER,
      GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
      GATEPOST_UPSTREAM_CA_FILE: join(folder, 'ca.pem'),
      GATEPOST_SPOOL_DIR: join(folder, 'second'),
    },
    { node: otherNode ?? '' },
  );
  const message = await arriving(() =>
    nodemailer
      .createTransport({ host: '127.0.0.1', port: second.port, ignoreTLS: true })
      .sendMail({ from: 'cam@example.org', to: 'you@example.org', text: 'x' }),
  );
  expect(message.user).toBe(USER);
  expect(await second.end()).toBe(0);
});
