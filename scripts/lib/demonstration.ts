// The demonstration: an upstream on loopback that insists on STARTTLS and AUTH, the relay in front of it, and a
// camera's alert that goes through.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import nodemailer from 'nodemailer';
import { type LibraryUpstream, libraryUpstream, PASSWORD, USER } from './library-upstream.ts';
import { BUNDLE } from './paths.ts';
import { cameraPicture } from './picture.ts';
import { isFree } from './ports.ts';

const FAVOURITE_PORT = 2525;
/** The alert takes less than a second on a desk; a loaded machine gets its time, but nobody waits for ever. */
const LONGEST_SECONDS = 60;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const show = (who: string, text: string): void => say(`  ${who.padEnd(8)} ${text}`);

type LogLine = { readonly event: string; readonly [field: string]: unknown };

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
  const upstream = await libraryUpstream({ shown: (what) => show('upstream', what) });
  writeFileSync(join(folder, 'ca.pem'), upstream.certificate.cert);
  say(`A provider that insists on STARTTLS and AUTH listens on 127.0.0.1:${upstream.port}.`);

  const isFavouriteFree = await isFree(FAVOURITE_PORT);
  relay = startRelay(folder, upstream, isFavouriteFree ? FAVOURITE_PORT : 0);
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
    const logged = JSON.parse(line) as LogLine;
    showEvent(logged);
    if (logged.event === 'started') {
      port = Number(String(logged['listening']).split(':').at(-1));
      const why = isFavouriteFree ? '' : `, since port ${FAVOURITE_PORT} is taken by another program`;
      say(`The relay listens on 127.0.0.1:${port}${why}. Its spool is in ${join(folder, 'spool')}.`);
      sendAlert(port, picture).catch((error: Error) => giveUp(`the camera could not send: ${error.message}`));
    }
    if (logged.event === 'bounced') giveUp('the provider refused the alert');
    if (logged.event === 'removed' && !isDelivered) {
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

function showEvent(logged: LogLine): void {
  const { event, id, octets, hello, device, tls, auth, size, to, seconds, reply } = logged;
  switch (event) {
    case 'accepted':
      show('relay', `accepted ${id}: ${octets} octets from ${hello} (${device})`);
      return show('relay', 'on flash: written and synced before the camera saw 250');
    case 'upstreamConnected':
      return show(
        'relay',
        `connected to the upstream: ${tls}, AUTH ${auth}, it takes ${size === undefined ? 'any size' : `${size} octets`}`,
      );
    case 'delivered':
      return show('relay', `delivered ${id} to ${to} after ${seconds} s: ${reply}`);
    case 'upstreamDown':
    case 'deferred':
    case 'bounced':
    case 'refused':
      return show('relay', `${event}: ${JSON.stringify(logged)}`);
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
