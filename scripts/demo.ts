// Usage: npm start (without GATEPOST_UPSTREAM), or npm run demo after npm run build
//
// The demonstration: an upstream on loopback that insists on STARTTLS and AUTH, the relay on port 2525
// in front of it, and a camera's alert that goes through. Stays up until Ctrl-C.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import nodemailer from 'nodemailer';
import { libraryUpstream, PASSWORD, USER } from '../test/support/library-upstream.ts';
import { cameraPicture } from '../test/support/picture.ts';

if (process.argv.includes('--help')) {
  process.stdout.write('npm run demo: an upstream, the relay and a camera, on loopback\n');
  process.exit(0);
}

const PORT = 2525;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const show = (who: string, text: string) => say(`  ${who.padEnd(8)} ${text}`);

const folder = mkdtempSync(join(tmpdir(), 'gatepost-demo-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const upstream = await libraryUpstream({ told: (what) => show('upstream', what) });
writeFileSync(join(folder, 'ca.pem'), upstream.certificate.cert);
say(`A provider that insists on STARTTLS and AUTH listens on 127.0.0.1:${upstream.port}.`);

const relay = spawn(process.execPath, [new URL('../dist/gatepost.cjs', import.meta.url).pathname, 'run'], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: {
    ...process.env,
    GATEPOST_UPSTREAM: `smtp://127.0.0.1:${upstream.port}`,
    GATEPOST_UPSTREAM_USERNAME: USER,
    GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
    GATEPOST_UPSTREAM_CA_FILE: join(folder, 'ca.pem'),
    GATEPOST_LISTEN: `127.0.0.1:${PORT}`,
    GATEPOST_SPOOL_DIR: join(folder, 'spool'),
    GATEPOST_LOG_LEVEL: 'debug',
    GATEPOST_LOG_FORMAT: 'json',
  },
});
relay.on('exit', (code) => process.exit(code ?? 1));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => relay.kill(signal));

type News = { readonly event: string; readonly [field: string]: unknown };
let sent = false;
createInterface({ input: relay.stdout }).on('line', (line) => {
  const news = JSON.parse(line) as News;
  tell(news);
  if (news.event === 'started' && !sent) {
    sent = true;
    sendAlert().catch((error: Error) => {
      say(`The camera could not send: ${error.message}`);
      relay.kill();
    });
  }
});

function tell(news: News): void {
  switch (news.event) {
    case 'started':
      return say(`The relay listens on ${String(news['listening'])}, its spool in ${join(folder, 'spool')}.`);
    case 'accepted':
      show(
        'relay',
        `accepted ${String(news['id'])}: ${String(news['octets'])} octets from ${String(news['hello'])} (${String(news['device'])})`,
      );
      return show('relay', 'on flash: written and synced before the camera saw 250');
    case 'upstreamConnected':
      return show(
        'relay',
        `connected to the upstream: ${String(news['tls'])}, AUTH ${String(news['auth'])}, it takes ${news['size'] === undefined ? 'any size' : `${String(news['size'])} octets`}`,
      );
    case 'delivered':
      show(
        'relay',
        `delivered ${String(news['id'])} to ${String(news['to'])} after ${String(news['seconds'])} s: ${String(news['reply'])}`,
      );
      return;
    case 'removed':
      return tryByHand();
    case 'upstreamDown':
    case 'deferred':
    case 'bounced':
    case 'refused':
      return show('relay', `${news.event}: ${JSON.stringify(news)}`);
    default:
  }
}

async function sendAlert(): Promise<void> {
  const picture = cameraPicture(640, 480);
  say(`A camera sees motion, and sends a picture of ${picture.length} octets in plain SMTP:`);
  const camera = nodemailer.createTransport({ host: '127.0.0.1', port: PORT, name: 'camera-garden', ignoreTLS: true });
  const { response } = await camera.sendMail({
    from: 'camera@example.org',
    to: 'owner@example.org',
    subject: 'Motion in the garden',
    text: 'Motion was detected at the garden gate.',
    attachments: [{ filename: 'garden.jpg', content: picture, contentType: 'image/jpeg' }],
  });
  show('camera', response);
}

let isShown = false;
function tryByHand(): void {
  if (isShown) return;
  isShown = true;
  say(
    `\nTry it by hand: "nc -C 127.0.0.1 ${PORT}" (or telnet), then EHLO me, MAIL FROM:<me@example.org>, RCPT TO:<you@example.org>, DATA.`,
  );
  say('Ctrl-C ends it.');
}
