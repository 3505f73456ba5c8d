// Devices that others wrote hand mail over: swaks, curl, Python's smtplib, msmtp. The upstream is one
// that others wrote, too (smtp-server), insisting on STARTTLS and AUTH.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LibraryUpstream, libraryUpstream, PASSWORD, USER } from '../support/library-upstream.ts';
import { describeWith, runWith } from '../support/programs.ts';
import { type RelayProcess, startProcess, temporaryFolder } from '../support/relay-process.ts';

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

describeWith(['swaks'], 'swaks', () => {
  test('hands a message over', async () => {
    const message = await arriving(async () => {
      const result = await runWith(
        '',
        'swaks',
        '--server',
        '127.0.0.1',
        '--port',
        String(relay.port),
        '--from',
        'cam@example.org',
        '--to',
        'you@example.org,me@example.org',
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
    await arriving(async () =>
      expect(
        (
          await runWith(
            '',
            'swaks',
            '--pipeline',
            '--server',
            '127.0.0.1',
            '--port',
            String(relay.port),
            '--from',
            'cam@example.org',
            '--to',
            'you@example.org',
          )
        ).code,
      ).toBe(0),
    );
  });

  test('hears why a recipient is refused', async () => {
    const result = await runWith(
      '',
      'swaks',
      '--server',
      '127.0.0.1',
      '--port',
      String(relay.port),
      '--from',
      'cam@example.org',
      '--to',
      'a@@b',
    );
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
