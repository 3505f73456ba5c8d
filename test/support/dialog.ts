// Transcripts of sessions, as text files: one step a line.
//
//   # comment                      @ lockstep | one-piece | size 1000 | room 0 | commit full | recipients 2 | auth any | auth required | tls | tls required |
//                                    passed-on | sender a@b | recipient a@b | domain b | allow-senders x | allow-recipients x |
//                                    rate 2/m | waiting 3 | waiting unable
//   S: 250 2.1.0 *                 one whole reply; its last line matches (* is anything)
//   S- 250-SIZE *                  the next reply has such a line somewhere
//   C: MAIL FROM:<a@b>             a line, CRLF added     C~ the same, LF added      C. a\r\n.\0  as it is, escapes read
//   C! 2e0d0a                      octets in hexadecimal
//   AGAIN 9                        the two steps before this one nine times more; {#} in them counts
//   TOLD refused reply=502 ...     an event was told whose line in the log has these words
//   UNTOLD sesame                  no such line holds that text
//   SILENT                         nothing was told but at debug level
//   TLS                            the handshake, after STARTTLS
//   EOF, RESET                     the device closes its side; the connection breaks
//   WAIT 300                       so many seconds pass
//   CLOSED                         the server has closed the connection
//   KEPT 1                         so many messages are in the store, and no draft is left open
//   = Subject: x                   the last message has this line          =! x    it has no line that matches
//   ONCE From                      the last message has that field just once
//   TO a@b c@d  /  FROM <a@b>      the last message's envelope
//
// Each runs four times: step by step, octet by octet, in random pieces, and all at once (without
// `@ lockstep`, which is for dialogs that must wait, such as before STARTTLS).

import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { createLog } from '../../src/ops/log.ts';
import type { AccessSettings } from '../../src/server/access.ts';
import { Conversation } from '../../src/server/session.ts';
import { createAuthenticator } from '../../src/server/users.ts';
import { formatMailbox, formatPath, type Mailbox, parseMailbox } from '../../src/smtp/address.ts';
import type { Tell } from '../../src/vocabulary/events.ts';
import type { Offers } from '../../src/vocabulary/offers.ts';
import type { DeviceUser } from '../../src/vocabulary/password.ts';
import type { Rewriting } from '../../src/vocabulary/rewriting.ts';
import { ACCESS, sessionParts, sizeLimitOf, tlsWith } from './access.ts';
import { selfSigned } from './certificate.ts';
import { type FakeClock, fakeClock, settled } from './clock.ts';
import { collectNews } from './news.ts';
import { seededRandom } from './random.ts';
import { alsoSecret, searchForSecrets } from './secrets.ts';
import { type MemoryStore, memoryStore } from './store.ts';

export type Mode = 'step by step' | 'octet by octet' | 'in random pieces' | 'all at once';
export const MODES: readonly Mode[] = ['step by step', 'octet by octet', 'in random pieces', 'all at once'];

type Step = { readonly line: number; readonly kind: string; readonly text: string };

export type Dialog = { readonly settings: readonly string[]; readonly steps: readonly Step[] };

const STEP = /^(S:|S-|C:|C~|C\.|C!|TLS|EOF|RESET|WAIT|CLOSED|KEPT|ONCE|TOLD|UNTOLD|SILENT|AGAIN|=!|=|TO|FROM|@)(?: (.*))?$/;

export function readDialog(path: string): Dialog {
  const settings: string[] = [];
  const steps: Step[] = [];
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((text, at) => {
      if (text.trim() === '' || text.startsWith('#')) return;
      const match = STEP.exec(text);
      if (match === null) throw new Error(`${path}:${at + 1}: ${JSON.stringify(text)} is no step`);
      if (match[1] === '@') settings.push(match[2] ?? '');
      else if (match[1] === 'AGAIN') steps.push(...again(steps.slice(-2), Number(match[2])));
      else steps.push({ line: at + 1, kind: match[1] ?? '', text: match[2] ?? '' });
    });
  return { settings, steps };
}

/** The steps so many times; {#} in them is the time. */
function again(pair: readonly Step[], times: number): readonly Step[] {
  return Array.from({ length: times }, (_, at) =>
    pair.map((step) => ({ ...step, text: step.text.replaceAll('{#}', String(at + 2)) })),
  ).flat();
}

/** Runs a dialog; rejects when something differs. Resolves with the replies that it received, each with all its lines. */
export async function runDialog(dialog: Dialog, mode: Mode, random = seededRandom(7)): Promise<readonly string[]> {
  const clock = fakeClock();
  const store = memoryStore();
  const set = readSettings(dialog.settings, store, clock);
  const context = set.settings.startTls === 'off' ? undefined : SERVER_CONTEXT();
  const hasTls = context !== undefined;
  const [device, server] = hasTls ? await socketPair() : duplexPair();
  const stop = new AbortController();
  const news = collectNews();
  let wake = () => {};
  const nextNews = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const told: string[] = [];
  // A log of its own for each event: what a device does over and over is told each time.
  const newLog = () =>
    createLog({ level: 'info', format: 'text' }, clock, (line) => {
      searchForSecrets(line, 'the log');
      return told.push(line) > 0;
    });
  const tell: Tell = (event, ...all) => {
    news.tell(event, ...all);
    (newLog()[event] as (...all: unknown[]) => void)(...all);
    wake();
  };
  const parts = sessionParts({
    settings: set.settings,
    passedOn: set.passedOn,
    store,
    sizeLimit: sizeLimitOf(set.size),
    authenticator: createAuthenticator(set.auth, set.auth === 'required' ? USERS : [], clock),
    tls: tlsWith(context),
    rewriting: set.rewriting,
    runQueue: () => set.waiting,
    clock,
    tell,
    stop: stop.signal,
  });
  const ended = new Conversation(server, '192.0.2.7', false, parts).run();

  const replies: string[] = [];
  let received = '';
  let isClosed = false;
  const isTold = (text: string) => told.some((line) => wordsOf(text).every((word) => line.includes(word)));
  let stream: Duplex = device;
  const hear = (chunk: Buffer) => {
    received += chunk.toString('latin1');
    wake();
  };
  const hearEnd = () => {
    isClosed = true;
    wake();
  };
  const listen = (on: Duplex) => {
    on.on('data', hear);
    for (const event of ['end', 'error', 'close']) on.on(event, hearEnd);
  };
  listen(stream);

  const send = async (octets: Buffer) => {
    for (const piece of cut(octets, mode, random)) {
      if (stream.writable) stream.write(piece);
      await settled();
    }
  };

  let sentUpTo = -1; // steps before this one were sent already, in one piece
  const wanted: RegExp[] = [];
  for (const [at, step] of dialog.steps.entries()) {
    const fail = (what: string) => {
      throw new Error(
        `line ${step.line}, ${mode}: ${what}\n  step: ${step.kind} ${step.text}\n  received, not yet matched: ${JSON.stringify(received)}`,
      );
    };
    if (isSending(step)) {
      if (at < sentUpTo) continue;
      const end = mode === 'all at once' ? nextBarrier(dialog, at) : at + 1;
      await send(Buffer.concat(dialog.steps.slice(at, end).filter(isSending).map(octetsOf)));
      sentUpTo = end;
      continue;
    }
    switch (step.kind) {
      case 'S-':
        wanted.push(pattern(step.text));
        break;
      case 'S:': {
        await settled();
        const whole = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/;
        // Over real sockets (TLS needs them) an answer takes its time.
        while (hasTls && !whole.test(received) && !isClosed) await nextNews();
        const reply = whole.exec(received)?.[0];
        if (reply === undefined) return fail('no reply came');
        const lines = reply.split('\r\n').slice(0, -1);
        if (!pattern(step.text).test(lines.at(-1) ?? '')) fail(`the reply is ${JSON.stringify(reply)}`);
        for (const one of wanted.splice(0)) if (!lines.some((line) => one.test(line))) fail(`no line ${one} in ${JSON.stringify(reply)}`);
        replies.push(reply);
        received = received.slice(reply.length);
        break;
      }
      case 'TLS': {
        device.off('data', hear);
        for (const event of ['end', 'error', 'close']) device.off(event, hearEnd);
        device.pause();
        const secured = connectTls({ socket: device, rejectUnauthorized: false });
        stream = secured;
        await new Promise<void>((resolve, reject) => secured.once('secureConnect', resolve).once('error', reject));
        listen(stream);
        break;
      }
      case 'EOF':
        stream.end();
        await settled();
        break;
      case 'RESET':
        stream.destroy();
        await settled();
        break;
      case 'TOLD':
        await settled();
        while (hasTls && !isTold(step.text)) await nextNews(); // real sockets take their time
        if (!isTold(step.text)) fail(`nothing like it was told:\n  ${told.join('  ')}`);
        break;
      case 'UNTOLD':
        await settled();
        if (told.some((line) => line.includes(step.text))) fail(`it was told:\n  ${told.join('  ')}`);
        break;
      case 'SILENT':
        await settled();
        if (told.length > 0) fail(`this was told:\n  ${told.join('  ')}`);
        break;
      case 'WAIT':
        await clock.advance(Number(step.text) * 1000);
        break;
      case 'CLOSED':
        await settled();
        if (received !== '') fail('there is more');
        await clock.advance(3_000);
        if (!isClosed) fail('it is open');
        break;
      case 'KEPT':
        await settled();
        if (store.messages.length !== Number(step.text)) fail(`${store.messages.length} messages are kept`);
        if (store.open !== 0) fail(`${store.open} drafts are open`);
        break;
      default:
        checkMessage(step, store, fail);
    }
  }
  if (received !== '') throw new Error(`${mode}: unasked for: ${JSON.stringify(received)}`);
  if (news.of('fault').length > 0) throw new Error(`${mode}: ${String(news.of('fault')[0]?.error)}`);
  stop.abort();
  stream.end();
  await clock.advance(10_000);
  await ended;
  return replies;
}

/** Two ends of a TCP connection on loopback. */
async function socketPair(): Promise<[Socket, Socket]> {
  const listener = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const device = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const server = await accepted;
  device.setNoDelay(true);
  server.setNoDelay(true);
  listener.close();
  return [device, server];
}

const isSending = ({ kind }: Step) => /^C[:~.!]$/.test(kind);

/** Where sending in one piece must pause: at what needs its time, or looks at the store. */
function nextBarrier(dialog: Dialog, from: number): number {
  const barrier = dialog.steps.findIndex((step, at) => at > from && !isSending(step) && !step.kind.startsWith('S'));
  return barrier < 0 ? dialog.steps.length : barrier;
}

const CERTIFICATE = selfSigned();
const SERVER_CONTEXT = () => createSecureContext({ key: CERTIFICATE.key, cert: CERTIFICATE.cert });
const USERS: readonly DeviceUser[] = [{ name: 'cam', secret: { kind: 'plain', password: 'secret' } }];
alsoSecret('secret', 'hunter2-sesame');

type Settings = {
  auth: 'off' | 'any' | 'required';
  passedOn: Offers;
  rewriting: Rewriting;
  settings: AccessSettings;
  size: number;
  waiting: number | 'unable';
};

function readSettings(lines: readonly string[], store: MemoryStore, clock: FakeClock): Settings {
  const values = new Map(lines.map((line) => [line.split(' ')[0] ?? '', line.slice((line.split(' ')[0] ?? '').length + 1)]));
  const known =
    'lockstep one-piece size room commit recipients wall auth tls passed-on sender recipient domain allow-senders allow-recipients rate waiting'.split(
      ' ',
    );
  for (const name of values.keys()) if (!known.includes(name)) throw new Error(`no such setting: ${name}`);
  const mailbox = (name: string) => {
    const value = values.get(name);
    return value === undefined ? undefined : (parseMailbox(value, { utf8: false }) as Mailbox);
  };
  const has = values.has('passed-on');
  const rate = /^(\d+)\/m$/.exec(values.get('rate') ?? '');
  store.roomLeft = Number(values.get('room') ?? store.roomLeft);
  store.commitResult = (values.get('commit') ?? 'stored') as MemoryStore['commitResult'];
  if (values.has('wall')) clock.setWall(Number(values.get('wall')));
  const waiting = values.get('waiting') ?? '0';
  return {
    auth: (values.get('auth') ?? 'off') as Settings['auth'],
    passedOn: { smtpUtf8: has, binaryMime: has },
    rewriting: { sender: mailbox('sender'), recipient: mailbox('recipient'), defaultDomain: values.get('domain') },
    settings: {
      ...ACCESS,
      maxRecipients: Number(values.get('recipients') ?? 100),
      allowSenders: values.get('allow-senders')?.split(','),
      allowRecipients: values.get('allow-recipients')?.split(','),
      deviceRate: rate === null ? undefined : { count: Number(rate[1]), per: 60_000 },
      defaultDomain: values.get('domain'),
      startTls: !values.has('tls') ? 'off' : values.get('tls') === 'required' ? 'required' : 'offered',
    },
    size: Number(values.get('size') ?? 1_000_000),
    waiting: waiting === 'unable' ? 'unable' : Number(waiting),
  };
}

function octetsOf({ kind, text }: Step): Buffer {
  // {ab*100} stands for a hundred times ab.
  const filled = text.replace(/\{([^{}]+?)\*(\d+)\}/g, (_, what: string, times: string) => what.repeat(Number(times)));
  switch (kind) {
    case 'C:':
      return Buffer.from(`${filled}\r\n`);
    case 'C~':
      return Buffer.from(`${filled}\n`);
    case 'C!':
      return Buffer.from(filled, 'hex');
    default:
      return Buffer.from(filled.replace(/\\([rn0t\\])/g, (_, one: string) => ({ r: '\r', n: '\n', 0: '\0', t: '\t' })[one] ?? one));
  }
}

function* cut(octets: Buffer, mode: Mode, random: ReturnType<typeof seededRandom>): Generator<Buffer> {
  // Long fillers are not cut octet by octet: it would take minutes and show nothing.
  if (mode === 'step by step' || mode === 'all at once' || (mode === 'octet by octet' && octets.length > 3_000)) return yield octets;
  for (let at = 0; at < octets.length; ) {
    const length = mode === 'octet by octet' ? 1 : 1 + random.below(Math.max(20, octets.length / 20));
    yield octets.subarray(at, at + length);
    at += length;
  }
}

/** Words apart by blanks; what stands between slashes is one. */
function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/\/([^/]+)\/|(\S+)/g)].map(([, phrase, word]) => phrase ?? word ?? '');
}

function pattern(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 's');
}

function checkMessage({ kind, text }: Step, store: MemoryStore, fail: (what: string) => void): void {
  const message = store.messages.at(-1);
  if (message === undefined) return fail('no message is kept');
  const octets = message.octets.toString('utf8');
  const lines = octets.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  switch (kind) {
    case '=':
      if (!lines.some((line) => pattern(text).test(line))) fail(`no such line in ${JSON.stringify(octets)}`);
      break;
    case '=!':
      if (lines.some((line) => pattern(text).test(line))) fail(`there is such a line in ${JSON.stringify(octets)}`);
      break;
    case 'ONCE': {
      const count = lines.slice(0, lines.indexOf('')).filter((line) => line.toLowerCase().startsWith(`${text.toLowerCase()}:`)).length;
      if (count !== 1) fail(`it has ${count} of them: ${JSON.stringify(octets)}`);
      break;
    }
    case 'FROM':
      if (formatPath(message.envelope.reversePath) !== text) fail(`it is from ${formatPath(message.envelope.reversePath)}`);
      break;
    default: {
      const to = message.envelope.recipients.map(({ forwardPath }) => formatMailbox(forwardPath)).join(' ');
      if (to !== text) fail(`it is to ${to}`);
    }
  }
}
