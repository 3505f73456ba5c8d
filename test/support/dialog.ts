// Transcripts of sessions, as text files: one step a line.
//
//   # comment                      @ lockstep | size 1000 | room 0 | commit full | recipients 2 | hours-old-clock
//   S: 250 2.1.0 *                 one whole reply; its last line matches (* is anything)
//   S- 250-SIZE *                  the next reply has such a line somewhere
//   C: MAIL FROM:<a@b>             a line, CRLF added     C~ the same, LF added      C. a\r\n.\0  as it is, escapes read
//   C! 2e0d0a                      octets in hexadecimal
//   EOF                            the device closes its side
//   WAIT 300                       so many seconds pass
//   CLOSED                         the server has closed the connection
//   KEPT 1                         so many messages are in the store, and no draft is left open
//   = Subject: x                   the last message has this line          =! x    it has no line that matches
//   TO a@b c@d  /  FROM <a@b>      the last message's envelope
//
// Each runs four times: step by step, octet by octet, in random pieces, and all at once (without
// `@ lockstep`, which is for dialogs that must wait, such as before STARTTLS).

import { readFileSync } from 'node:fs';
import { duplexPair } from 'node:stream';
import { createPolicy } from '../../src/server/policy.ts';
import { serve } from '../../src/server/session.ts';
import { formatMailbox, formatPath } from '../../src/smtp/address.ts';
import { type FakeClock, fakeClock, settled } from './clock.ts';
import { collectNews } from './news.ts';
import { seededRandom } from './random.ts';
import { type MemoryStore, memoryStore } from './store.ts';

export type Mode = 'step by step' | 'octet by octet' | 'in random pieces' | 'all at once';
export const MODES: readonly Mode[] = ['step by step', 'octet by octet', 'in random pieces', 'all at once'];

type Step = { readonly line: number; readonly kind: string; readonly text: string };

export type Dialog = { readonly settings: readonly string[]; readonly steps: readonly Step[] };

const STEP = /^(S:|S-|C:|C~|C\.|C!|EOF|WAIT|CLOSED|KEPT|=!|=|TO|FROM|@)(?: (.*))?$/;

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
      else steps.push({ line: at + 1, kind: match[1] ?? '', text: match[2] ?? '' });
    });
  return { settings, steps };
}

/** The replies that were reached, by their text: a test asserts that dialogs reach all. */
export const reachedReplies = new Set<string>();

export async function runDialog(dialog: Dialog, mode: Mode, random = seededRandom(7)): Promise<void> {
  const clock = fakeClock();
  const store = memoryStore();
  const maxRecipients = applySettings(dialog.settings, store, clock);
  const policy = createPolicy({ hostname: 'gate.example', allow: [], maxRecipients }, store);
  const [device, server] = duplexPair();
  const stop = new AbortController();
  const news = collectNews();
  const session = serve(server, '192.0.2.7', { policy, store, clock, tell: news.tell, stop: stop.signal, isUnderPressure: () => false });

  let received = '';
  let isClosed = false;
  device.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  device.on('end', () => {
    isClosed = true;
  });
  device.on('error', () => {
    isClosed = true;
  });

  const send = async (octets: Buffer) => {
    for (const piece of cut(octets, mode, random)) {
      if (device.writable) device.write(piece);
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
        const reply = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(received)?.[0];
        if (reply === undefined) return fail('no reply came');
        const lines = reply.split('\r\n').slice(0, -1);
        if (!pattern(step.text).test(lines.at(-1) ?? '')) fail(`the reply is ${JSON.stringify(reply)}`);
        for (const one of wanted.splice(0)) if (!lines.some((line) => one.test(line))) fail(`no line ${one} in ${JSON.stringify(reply)}`);
        for (const line of lines) reachedReplies.add(line);
        received = received.slice(reply.length);
        break;
      }
      case 'EOF':
        device.end();
        await settled();
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
  device.end();
  await clock.advance(10_000);
  await session;
}

const isSending = ({ kind }: Step) => /^C[:~.!]$/.test(kind);

/** Where sending in one piece must pause: at what needs its time, or looks at the store. */
function nextBarrier(dialog: Dialog, from: number): number {
  const barrier = dialog.steps.findIndex((step, at) => at > from && !isSending(step) && !step.kind.startsWith('S'));
  return barrier < 0 ? dialog.steps.length : barrier;
}

function applySettings(settings: readonly string[], store: MemoryStore, clock: FakeClock): number {
  let maxRecipients = 100;
  for (const setting of settings) {
    const [name, value = ''] = setting.split(' ');
    if (name === 'size') store.sizeLimit = Number(value);
    else if (name === 'room') store.roomLeft = Number(value);
    else if (name === 'commit') store.commitResult = value as MemoryStore['commitResult'];
    else if (name === 'recipients') maxRecipients = Number(value);
    else if (name === 'wall') clock.setWall(Number(value));
    else if (name !== 'lockstep') throw new Error(`no such setting: ${setting}`);
  }
  return maxRecipients;
}

function octetsOf({ kind, text }: Step): Buffer {
  // {a*100} stands for a hundred times a.
  const filled = text.replace(/\{(.)\*(\d+)\}/g, (_, what: string, times: string) => what.repeat(Number(times)));
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
    case 'FROM':
      if (formatPath(message.envelope.reversePath) !== text) fail(`it is from ${formatPath(message.envelope.reversePath)}`);
      break;
    default: {
      const to = message.envelope.recipients.map(({ forwardPath }) => formatMailbox(forwardPath)).join(' ');
      if (to !== text) fail(`it is to ${to}`);
    }
  }
}
