// Other people's servers as the upstream: each mechanism that it offers, a message byte for byte, a refusal
// that comes back as a notification.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import nodemailer from 'nodemailer';
import { expect, test } from 'vitest';
import { libraryUpstream } from '../../scripts/lib/library-upstream.ts';
import { temporaryFolder } from '../support/folders.ts';
import { startDovecot } from '../support/programs/dovecot.ts';
import { startExim } from '../support/programs/exim.ts';
import { describeWith } from '../support/programs/installed.ts';
import { preparePostfix } from '../support/programs/postfix.ts';
import { startProcess } from '../support/programs/relay-process.ts';

type Target = { readonly port: number; readonly ca: string; readonly username: string; readonly password: string };

/** A relay in front of `target`, and `mails` sent through it; resolves with the relay once no message waits. */
async function through(target: Target, mails: readonly { to: string; raw: string | Buffer }[], more: Record<string, string> = {}) {
  const relay = await startProcess({
    GATEPOST_UPSTREAM: `smtp://127.0.0.1:${target.port}`,
    GATEPOST_UPSTREAM_USERNAME: target.username,
    GATEPOST_UPSTREAM_PASSWORD: target.password,
    GATEPOST_UPSTREAM_CA: target.ca,
    GATEPOST_SPOOL_DIR: temporaryFolder(),
    ...more,
  });
  const device = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true });
  for (const { to, raw } of mails) await device.sendMail({ envelope: { from: 'cam@example.org', to }, raw });
  const isOver = () => relay.log.filter(({ event }) => event === 'removed').length >= mails.length;
  await relay.waitFor(isOver);
  return relay;
}

const HEADER = 'Subject: over\r\nFrom: <cam@example.org>\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@cam>\r\n';
const BODY = `${HEADER}\r\n.dot\r\n..two\r\n${'x'.repeat(900)}\r\n`;
/** As a mail folder has it. */
const KEPT = BODY.replaceAll('\r\n', '\n').slice(BODY.indexOf('\r\n\r\n'));

describeWith(
  ['postfix', 'saslpasswd2'],
  'Postfix with SASL',
  () => {
    test.each(['SCRAM-SHA-256', 'CRAM-MD5'])('AUTH %s, in chunks', async (mechanism) => {
      const postfix = await preparePostfix({}, temporaryFolder(), `${mechanism} LOGIN`);
      await postfix.start();
      try {
        const { username, password, port } = postfix;
        const relay = await through({ port, username, password, ca: postfix.certificate }, [{ to: 'you@example.org', raw: BODY }]);
        expect(relay.log.find(({ event }) => event === 'upstreamConnected')).toMatchObject({ auth: mechanism });
        const [arrived] = await postfix.waitFor(1);
        expect(arrived?.toString().endsWith(KEPT)).toBe(true);
        await relay.end();
      } finally {
        await postfix.stop();
      }
    });
  },
  true,
);

describeWith(
  ['exim4', 'python3'],
  'Exim',
  () => {
    test.each(['PLAIN', 'CRAM-MD5'])('AUTH %s, CHUNKING, a recipient that is gone', async (mechanism) => {
      const exim = await startExim([mechanism]);
      try {
        const relay = await through(
          { ...exim, ca: exim.certificate },
          [
            { to: 'you@example.org', raw: BODY },
            { to: 'gone@example.org', raw: BODY },
          ],
          { GATEPOST_BOUNCE_TO: 'owner@example.org' },
        );
        expect(relay.log.find(({ event }) => event === 'upstreamConnected')).toMatchObject({ auth: mechanism });
        expect(relay.log.find(({ event }) => event === 'bounced')).toMatchObject({ reply: '550 5.1.1 no such user' });
        const arrived = (await exim.waitFor(2)).map(String);
        expect(arrived.filter((message) => message.endsWith(KEPT))).toHaveLength(1);
        expect(exim.log()).toMatch(/<= cam@example\.org .*P=esmtpsa .*A=(?:plain|cram):alerts@example\.org K /); // K: it came by BDAT
        const notification = arrived.find((message) => message.includes('multipart/report')) ?? '';
        expect(readReport(notification)).toEqual({
          type: 'multipart/report',
          parts: ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
          to: 'owner@example.org',
          action: 'failed',
          recipient: 'rfc822; gone@example.org',
          status: '5.1.1',
          subject: 'over',
        });
        await relay.end();
      } finally {
        await exim.stop();
      }
    });
  },
  true,
);

/** The notification as Python's e-mail package understands it. */
function readReport(message: string): unknown {
  const path = `${temporaryFolder()}/report.eml`;
  writeFileSync(path, message);
  const script = `
import email, email.policy, json, sys
message = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
parts = list(message.iter_parts())
per_message, per_recipient = parts[1].get_payload()
returned = email.message_from_string(parts[2].get_content(), policy=email.policy.default)
print(json.dumps({'type': message.get_content_type(), 'parts': [part.get_content_type() for part in parts], 'to': str(message['to']),
  'action': per_recipient['action'], 'recipient': per_recipient['final-recipient'], 'status': per_recipient['status'], 'subject': returned['subject']}))
`;
  return JSON.parse(execFileSync('python3', ['-c', script, path], { encoding: 'utf8' }));
}

describeWith(
  ['dovecot'],
  "Dovecot's submission service",
  () => {
    test.each(['scram-sha-256', 'cram-md5', 'plain', 'login'])('AUTH %s', async (mechanism) => {
      // What is behind it speaks plainly, and lets anybody in.
      const behind = await libraryUpstream({ server: { authOptional: true, disabledCommands: ['STARTTLS', 'AUTH'] } });
      const dovecot = await startDovecot([mechanism], behind.port);
      try {
        const relay = await through({ ...dovecot, ca: dovecot.certificate }, [{ to: 'you@example.org', raw: BODY }]);
        expect(relay.log.find(({ event }) => event === 'upstreamConnected')).toMatchObject({
          auth: mechanism.toUpperCase(),
          tls: 'TLSv1.3',
        });
        const [arrived] = await behind.waitFor(1);
        expect(arrived?.to).toEqual(['you@example.org']);
        expect(arrived?.data.toString().endsWith(BODY.slice(BODY.indexOf('\r\n\r\n')))).toBe(true);
        await relay.end();
      } finally {
        await dovecot.stop();
        await behind.close();
      }
    });
  },
  true,
);
