// What a relay on a board must do, whatever it was built from: receive, spool, outlive a kill, deliver over
// STARTTLS and AUTH, have a certificate for its devices, and notify the owner of what was refused.

import nodemailer from 'nodemailer';
import { expect } from 'vitest';
import { selfSigned } from '../../../scripts/lib/certificate.ts';
import { libraryUpstream, PASSWORD, USER } from '../../../scripts/lib/library-upstream.ts';
import { cameraPicture } from '../../../scripts/lib/picture.ts';
import { freePort } from '../../../scripts/lib/ports.ts';
import type { RelayProcess } from './relay-process.ts';

/** `start` gives a relay with this environment; the same spool each time. */
export async function provesItself(start: (environment: Record<string, string>) => Promise<RelayProcess>): Promise<void> {
  const port = await freePort();
  const certificate = selfSigned();
  const environment = {
    GATEPOST_UPSTREAM: `smtp://127.0.0.1:${port}`,
    GATEPOST_UPSTREAM_USERNAME: USER,
    GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
    GATEPOST_UPSTREAM_CA: certificate.cert,
    GATEPOST_BOUNCE_TO: 'owner@example.org',
    GATEPOST_DEVICE_TLS: 'self-signed',
  };
  const picture = cameraPicture(640, 480);
  const camera = (relay: RelayProcess, requireTLS: boolean) =>
    nodemailer.createTransport({
      host: '127.0.0.1',
      port: relay.port,
      requireTLS,
      ignoreTLS: !requireTLS,
      tls: { rejectUnauthorized: false },
    });
  const send = (relay: RelayProcess, subject: string, requireTLS = false) =>
    camera(relay, requireTLS).sendMail({
      from: 'cam@example.org',
      to: 'you@example.org',
      subject,
      text: 'see',
      attachments: [{ filename: 'gate.jpg', content: picture }],
    });

  const first = await start(environment);
  for (const subject of ['one', 'two', 'three']) await send(first, subject);
  await first.waitFor(({ event }) => event === 'upstreamDown');
  await first.end('SIGKILL');

  const upstream = await libraryUpstream({
    port,
    certificate,
    server: {
      onRcptTo: ({ address }, _session, done) =>
        done(address.startsWith('gone') ? Object.assign(new Error('5.1.1 no such user'), { responseCode: 550 }) : null),
    },
  });
  try {
    const second = await start(environment);
    expect(second.log.find(({ event }) => event === 'spoolRecovered')).toMatchObject({ messages: 3 });
    await upstream.waitFor(3);
    // The certificate is made after the ports listen; until then STARTTLS is not offered.
    while (!(await offersTls(second.port))) await new Promise((resolve) => setTimeout(resolve, 200));
    await send(second, 'four', true);
    const arrived = [...(await upstream.waitFor(4))];
    expect(arrived.map(({ data }) => /^Subject: (\w+)/m.exec(data.toString('latin1'))?.[1]).sort()).toEqual([
      'four',
      'one',
      'three',
      'two',
    ]);
    for (const { data, user } of arrived) {
      expect(user).toBe(USER);
      const encoded = data.toString('latin1').split('Content-Transfer-Encoding: base64')[1]?.split('\r\n\r\n')[1]?.split('\r\n--')[0] ?? '';
      expect(Buffer.from(encoded, 'base64').equals(picture)).toBe(true);
    }
    await camera(second, false).sendMail({ from: 'cam@example.org', to: 'gone@example.org', subject: 'five', text: 'see' });
    const notification = (await upstream.waitFor(5))[4];
    expect(notification).toMatchObject({ from: '', to: ['owner@example.org'] });
    expect(notification?.data.toString()).toContain('Final-Recipient: rfc822; gone@example.org');
    expect(await second.end()).toBe(0);
  } finally {
    await upstream.close();
  }
}

async function offersTls(port: number): Promise<boolean> {
  const { default: SMTPConnection } = await import('nodemailer/lib/smtp-connection/index.js');
  const connection = new SMTPConnection({ host: '127.0.0.1', port, ignoreTLS: true });
  await new Promise<void>((resolve) => connection.connect(() => resolve()));
  const { lastServerResponse } = connection as unknown as { lastServerResponse: string };
  connection.quit();
  return /STARTTLS/.test(String(lastServerResponse));
}
