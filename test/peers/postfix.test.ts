// Postfix with STARTTLS and SASL AUTH as the upstream: what the relay is for, end to end.

import nodemailer from 'nodemailer';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { cameraPicture } from '../../scripts/lib/picture.ts';
import { MOST_ADDED_OCTETS } from '../../src/message/trace.ts';
import { temporaryFolder } from '../support/folders.ts';
import { describeWith } from '../support/programs/installed.ts';
import { type Postfix, preparePostfix } from '../support/programs/postfix.ts';
import { type RelayProcess, startProcess } from '../support/programs/relay-process.ts';

describeWith(
  ['postfix', 'saslpasswd2'],
  'Postfix',
  () => {
    let postfix: Postfix;
    beforeAll(async () => {
      postfix = await preparePostfix();
    });
    beforeEach(() => postfix.start());
    afterEach(() => postfix.stop());

    const relays: RelayProcess[] = [];
    afterAll(async () => {
      for (const relay of relays) await relay.end('SIGKILL');
    });

    const start = async (spool: string, more: Record<string, string> = {}): Promise<RelayProcess> => {
      const relay = await startProcess({
        GATEPOST_UPSTREAM: `smtp://127.0.0.1:${postfix.port}`,
        GATEPOST_UPSTREAM_USERNAME: postfix.username,
        GATEPOST_UPSTREAM_PASSWORD: postfix.password,
        GATEPOST_UPSTREAM_CA_FILE: postfix.caFile,
        GATEPOST_SPOOL_DIR: spool,
        ...more,
      });
      relays.push(relay);
      return relay;
    };
    const camera = (relay: RelayProcess, pooled = false) =>
      nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, name: 'camera', ignoreTLS: true, pool: pooled, maxConnections: 5 });
    const marks = (messages: readonly Buffer[]) =>
      messages.map((octets) => /^Subject: (.*?)\r?$/m.exec(octets.toString('latin1'))?.[1] ?? '?');

    test('a message with a JPEG of over 1 MiB arrives byte for byte, but for the header fields the relay adds', async () => {
      const picture = cameraPicture(2000, 1200);
      expect(picture.length).toBeGreaterThan(1024 * 1024);
      const composed = await nodemailer.createTransport({ streamTransport: true, buffer: true, newline: 'windows' }).sendMail({
        from: 'cam@example.org',
        to: 'you@example.org',
        subject: 'picture',
        text: '.one\n..two\nthree',
        attachments: [{ filename: 'gate.jpg', content: picture }],
      });
      const original = composed.message as Buffer;
      const relay = await start(temporaryFolder());
      const { response } = await camera(relay).sendMail({ envelope: { from: 'cam@example.org', to: 'you@example.org' }, raw: original });
      const id = /queued as (\w+)/.exec(response)?.[1];
      const [arrived = Buffer.alloc(0)] = await postfix.waitFor(1);

      // A mail folder has LF line ends, and Postfix puts its own fields in front.
      const expected = original.toString('latin1').replaceAll('\r\n', '\n');
      const got = arrived.toString('latin1');
      expect(got.endsWith(expected.endsWith('\n') ? expected : `${expected}\n`)).toBe(true);
      const added = got.slice(0, got.length - expected.length);
      expect(added).toMatch(/Received: from camera \(\[127\.0\.0\.1\]\) by gate\.example \(Gatepost [0-9a-f]{8}\)/);
      expect(added).toMatch(new RegExp(`with\\s+ESMTP id ${id} for`));
      expect(added).toMatch(/Authenticated sender|ESMTPSA/);

      const events = relay.log.filter((line) => line['id'] === id).map(({ event }) => event);
      await relay.waitFor(({ event, id: one }) => event === 'removed' && one === id);
      expect(events.slice(0, 2)).toEqual(['accepted', 'delivered']);
    });

    test('stop the upstream, send, start it: all arrive, once', async () => {
      const before = postfix.messages().length;
      await postfix.stop();
      const relay = await start(temporaryFolder());
      const device = camera(relay, true);
      const sent = Array.from({ length: 30 }, (_, at) => `outage-${at}`);
      await Promise.all(sent.map((subject) => device.sendMail({ from: 'cam@example.org', to: 'you@example.org', subject, text: subject })));
      await relay.waitFor(({ event }) => event === 'upstreamDown');
      await postfix.start();
      relay.signal('SIGUSR2'); // what the back-off would do within two minutes
      const arrived = await postfix.waitFor(before + 30);
      expect(
        marks(arrived)
          .filter((mark) => mark.startsWith('outage-'))
          .sort(),
      ).toEqual([...sent].sort());
      device.close();
    });

    test('killed while messages stream in: after a restart every message that got its 250 arrives', async () => {
      const spool = temporaryFolder();
      const acknowledged: string[] = [];
      for (let round = 0; round < 3; round++) {
        const relay = await start(spool);
        const device = camera(relay, true);
        const enough = relay
          .waitFor(({ event }) => event === 'accepted')
          .then(() => relay.waitFor(() => relay.log.filter(({ event }) => event === 'accepted').length >= 8 + 5 * round));
        const sending = Array.from({ length: 60 }, async (_, at) => {
          const subject = `killed-${round}-${at}`;
          try {
            await device.sendMail({ from: 'cam@example.org', to: 'you@example.org', subject, text: 'x'.repeat(at * 700) });
            acknowledged.push(subject);
          } catch {
            // the relay was killed before it said 250
          }
        });
        await enough;
        await relay.end('SIGKILL');
        await Promise.all(sending);
        device.close();
      }
      expect(acknowledged.length).toBeGreaterThan(20);
      const relay = await start(spool);
      const missing = () => {
        const arrived = new Set(marks(postfix.messages()));
        return acknowledged.filter((subject) => !arrived.has(subject));
      };
      for (let seen = 0; missing().length > 0; ) seen = (await postfix.waitFor(seen + 1)).length;
      await relay.end();
      // At most what was under way at each kill may have come twice (RFC 1047): two connections, three kills.
      const all = marks(postfix.messages()).filter((mark) => mark.startsWith('killed-'));
      expect(all.length - new Set(all).size).toBeLessThanOrEqual(6);
    });

    test('a wrong password defers everything, is explained in plain words, and is not tried again and again', async () => {
      const relay = await start(temporaryFolder(), { GATEPOST_UPSTREAM_PASSWORD: 'not-the-password' });
      await camera(relay).sendMail({ from: 'cam@example.org', to: 'you@example.org', subject: 'wrong', text: 'x' });
      const line = await relay.waitFor(({ event }) => event === 'upstreamDown');
      expect(line['problem']).toMatch(/the login as alerts@example.org by PLAIN was refused: 535 5\.7\.8/);
      expect(Number.parseInt(String(line['retry']), 10)).toBeGreaterThan(400);
      expect(relay.log.some(({ event }) => event === 'bounced')).toBe(false);
    });

    test("the device's limit is the upstream's, once that is known, also after a restart", async () => {
      const spool = temporaryFolder();
      const relay = await start(spool);
      await camera(relay).sendMail({ from: 'cam@example.org', to: 'you@example.org', subject: 'size', text: 'x' });
      await relay.waitFor(({ event }) => event === 'removed');
      await relay.end();
      await postfix.stop();
      const again = await start(spool);
      const { response } = await new Promise<{ response: string }>((resolve) => {
        const probe = camera(again);
        probe.sendMail({ envelope: { from: 'cam@example.org', to: 'you@example.org', size: 20_000_001 }, raw: 'x' }, (error) =>
          resolve({ response: String(error) }),
        );
      });
      expect(response).toContain(String(20_000_000 - MOST_ADDED_OCTETS));
    });
  },
  true,
);
