// Usage: npm start (without GATEPOST_UPSTREAM), or npm run demo after npm run build
//
// The demonstration: an upstream on loopback that insists on STARTTLS and AUTH, the relay on port 2525 (or
// on a free one when that is taken) in front of it, and a camera's alert that goes through. Stays up until
// Ctrl-C or SIGTERM, which end the relay in order and leave nothing behind. Exit code 1 with a sentence when
// the alert can't be delivered.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import nodemailer from 'nodemailer';
import { type LibraryUpstream, libraryUpstream, PASSWORD, USER } from '../test/support/library-upstream.ts';
import { cameraPicture } from '../test/support/picture.ts';

const FAVOURITE_PORT = 2525;
/** The alert takes less than a second on a desk; a loaded machine gets its time, but nobody waits for ever. */
const LONGEST_SECONDS = 60;
const BUNDLE = new URL('../dist/gatepost.cjs', import.meta.url).pathname;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const show = (who: string, text: string): void => say(`  ${who.padEnd(8)} ${text}`);

type News = { readonly event: string; readonly [field: string]: unknown };

/** Shows the way of one alert. Resolves once the relay is on its way; the process ends with the relay. */
export async function demonstrate(): Promise<void> {
  let relay: ReturnType<typeof startRelay> | undefined;
  let exitCode: number | undefined;
  const end = (code: number) => {
    exitCode ??= code;
    if (relay === undefined) process.exit(exitCode);
    relay.kill('SIGTERM'); // never SIGINT: from a terminal it has had its own already, and a second one would hurry it
  };
  const giveUp = (problem: string) => {
    if (exitCode === undefined) say(`The demonstration gives up: ${problem}.`);
    end(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0));
  process.on('uncaughtException', (error) => giveUp(error.message)); // no room for temporary files, for example

  if (!existsSync(BUNDLE)) return giveUp('dist/gatepost.cjs is not there; "npm start" builds it');
  const folder = mkdtempSync(join(tmpdir(), 'gatepost-demo-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const upstream = await libraryUpstream({ told: (what) => show('upstream', what) });
  writeFileSync(join(folder, 'ca.pem'), upstream.certificate.cert);
  say(`A provider that insists on STARTTLS and AUTH listens on 127.0.0.1:${upstream.port}.`);

  const isFree = await isPortFree(FAVOURITE_PORT);
  relay = startRelay(folder, upstream, isFree ? FAVOURITE_PORT : 0);
  relay.on('error', (error) => giveUp(`the relay can't be started: ${error.message}`));
  relay.on('exit', (code, signal) => {
    // What it had to say stands above, on standard error.
    if (exitCode === undefined) say(`The demonstration gives up: the relay ended by itself, with ${signal ?? `exit code ${code}`}.`);
    process.exit(exitCode ?? 1);
  });
  const limit = setTimeout(() => giveUp(`the alert was not delivered within ${LONGEST_SECONDS} s`), LONGEST_SECONDS * 1000);

  const picture = cameraPicture(640, 480);
  let port = FAVOURITE_PORT;
  let isDelivered = false;
  createInterface({ input: relay.stdout }).on('line', (line) => {
    const news = JSON.parse(line) as News;
    tell(news);
    if (news.event === 'started') {
      port = Number(String(news['listening']).split(':').at(-1));
      const why = isFree ? '' : `, since port ${FAVOURITE_PORT} is taken by another program`;
      say(`The relay listens on 127.0.0.1:${port}${why}. Its spool is in ${join(folder, 'spool')}.`);
      sendAlert(port, picture).catch((error: Error) => giveUp(`the camera could not send: ${error.message}`));
    }
    if (news.event === 'bounced') giveUp('the provider refused the alert');
    if (news.event === 'removed' && !isDelivered) {
      clearTimeout(limit);
      if (!holds(upstream, picture)) return giveUp('the alert reached the provider, but its picture did not');
      isDelivered = true;
      sayDelivered(port);
    }
  });
}

/** Whether the provider has the picture, octet for octet. */
function holds(upstream: LibraryUpstream, picture: Buffer): boolean {
  const encoded = picture.toString('base64');
  return upstream.delivered.some(({ data }) => data.toString('latin1').replaceAll('\r\n', '').includes(encoded));
}

function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Settings of a relay that the owner of the machine may have are none of the demonstration's. */
function foreignEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env);
  const left = entries.filter(([name]) => name.startsWith('GATEPOST_')).map(([name]) => name);
  if (left.length > 0) say(`GATEPOST_UPSTREAM is not set, so this is the demonstration; it leaves ${left.join(', ')} aside.`);
  return Object.fromEntries(entries.filter(([name]) => !name.startsWith('GATEPOST_')));
}

function startRelay(folder: string, upstream: LibraryUpstream, port: number) {
  return spawn(process.execPath, [BUNDLE, 'run'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...foreignEnvironment(),
      GATEPOST_UPSTREAM: `smtp://127.0.0.1:${upstream.port}`,
      GATEPOST_UPSTREAM_USERNAME: USER,
      GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
      GATEPOST_UPSTREAM_CA_FILE: join(folder, 'ca.pem'),
      GATEPOST_LISTEN: `127.0.0.1:${port}`,
      GATEPOST_SPOOL_DIR: join(folder, 'spool'),
      GATEPOST_LOG_LEVEL: 'debug',
      GATEPOST_LOG_FORMAT: 'json',
    },
  });
}

function tell(news: News): void {
  switch (news.event) {
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
      return show(
        'relay',
        `delivered ${String(news['id'])} to ${String(news['to'])} after ${String(news['seconds'])} s: ${String(news['reply'])}`,
      );
    case 'upstreamDown':
    case 'deferred':
    case 'bounced':
    case 'refused':
      return show('relay', `${news.event}: ${JSON.stringify(news)}`);
    default:
  }
}

async function sendAlert(port: number, picture: Buffer): Promise<void> {
  say(`A camera sees motion, and sends a picture of ${picture.length} octets in plain SMTP:`);
  const camera = nodemailer.createTransport({ host: '127.0.0.1', port, name: 'camera-garden', ignoreTLS: true });
  const { response } = await camera.sendMail({
    from: 'camera@example.org',
    to: 'owner@example.org',
    subject: 'Motion in the garden',
    text: 'Motion was detected at the garden gate.',
    attachments: [{ filename: 'garden.jpg', content: picture, contentType: 'image/jpeg' }],
  });
  show('camera', response);
}

/** scripts/try-start.ts and .ci/run wait for the first of these lines. */
function sayDelivered(port: number): void {
  say('\nThe alert was delivered: the provider has it, and its picture is whole.');
  say(`Try it by hand: "nc -C 127.0.0.1 ${port}" (or telnet), then EHLO me, MAIL FROM:<me@example.org>, RCPT TO:<you@example.org>, DATA.`);
  say('Ctrl-C ends it.');
}

if (import.meta.main) {
  if (process.argv.includes('--help')) process.stdout.write('npm run demo: an upstream, the relay and a camera, on loopback\n');
  else await demonstrate();
}
