// Runs a dialog: sends what the device sends, and compares what comes back, what is logged and what is stored.

import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { formatMailbox, formatPath } from '../../../src/smtp/address.ts';
import { settled } from '../fakes/clock.ts';
import { seededRandom } from '../fakes/random.ts';
import type { KeptMessage, MemoryStore } from '../fakes/store.ts';
import { cut, type Dialog, isSending, type Mode, octetsOf, patternOf, type Step, wordsOf } from './dialog.ts';
import { beginSession, type DialogSession } from './session.ts';

/** Rejects at the first step that fails. Resolves with the replies that came, each with all its lines. */
export async function runDialog(dialog: Dialog, mode: Mode, random = seededRandom(7)): Promise<readonly string[]> {
  const bell = new Bell();
  const device = new Device(await beginSession(dialog.settings, () => bell.ring()), bell);
  let sentUpTo = 0; // steps before this one were sent already, in one piece
  for (const [at, step] of dialog.steps.entries()) {
    try {
      if (!isSending(step)) await check(device, step);
      else if (at >= sentUpTo) {
        sentUpTo = mode === 'all at once' ? nextBarrier(dialog, at) : at + 1;
        const octets = Buffer.concat(dialog.steps.slice(at, sentUpTo).filter(isSending).map(octetsOf));
        await device.send(cut(octets, mode, random));
      }
    } catch (error) {
      const received = `received, not yet matched: ${JSON.stringify(device.received)}`;
      throw new Error(`line ${step.line}, ${mode}: ${(error as Error).message}\n  step: ${step.kind} ${step.text}\n  ${received}`);
    }
  }
  await device.leave();
  return device.replies;
}

/** Where sending in one piece must pause: at what needs its time, or looks at the store. */
function nextBarrier(dialog: Dialog, from: number): number {
  const barrier = dialog.steps.findIndex((step, at) => at > from && !isSending(step) && !step.kind.startsWith('S'));
  return barrier < 0 ? dialog.steps.length : barrier;
}

/** Wakes who waits for the next event. */
class Bell {
  #wake = () => {};

  ring(): void {
    this.#wake();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

const WHOLE_REPLY = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/;

/** The device's side of the session. */
class Device {
  readonly session: DialogSession;
  readonly replies: string[] = [];
  /** What came and no step has asked for yet. */
  received = '';
  readonly #bell: Bell;
  /** Lines that the next reply must have. */
  #wanted: RegExp[] = [];
  #stream: Duplex;
  #isClosed = false;
  readonly #onData = (chunk: Buffer) => {
    this.received += chunk.toString('latin1');
    this.#bell.ring();
  };
  readonly #onEnd = () => {
    this.#isClosed = true;
    this.#bell.ring();
  };

  constructor(session: DialogSession, bell: Bell) {
    this.session = session;
    this.#bell = bell;
    this.#stream = session.device;
    this.#listen();
  }

  async send(packets: Iterable<Buffer>): Promise<void> {
    for (const packet of packets) {
      if (this.#stream.writable) this.#stream.write(packet);
      await settled();
    }
  }

  wantLine(text: string): void {
    this.#wanted.push(patternOf(text));
  }

  /** Takes the next reply, the last line of which must match. */
  async takeReply(text: string): Promise<void> {
    await settled();
    while (this.session.isReal && !WHOLE_REPLY.test(this.received) && !this.#isClosed) await this.#bell.next();
    const reply = WHOLE_REPLY.exec(this.received)?.[0];
    if (reply === undefined) throw new Error('no reply came');
    const lines = reply.split('\r\n').slice(0, -1);
    if (!patternOf(text).test(lines.at(-1) ?? '')) throw new Error(`the reply is ${JSON.stringify(reply)}`);
    for (const one of this.#wanted.splice(0))
      if (!lines.some((line) => one.test(line))) throw new Error(`no line ${one} in ${JSON.stringify(reply)}`);
    this.replies.push(reply);
    this.received = this.received.slice(reply.length);
  }

  async waitForLog(text: string): Promise<void> {
    const { logged, isReal } = this.session;
    const isLogged = () => logged.some((line) => wordsOf(text).every((word) => line.includes(word)));
    await settled();
    while (isReal && !isLogged()) await this.#bell.next();
    if (!isLogged()) throw new Error(`nothing like it was logged:\n  ${logged.join('  ')}`);
  }

  /** The handshake, with any certificate. */
  async secure(): Promise<void> {
    const { device } = this.session;
    device.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onEnd).off('close', this.#onEnd).pause();
    const secured = connectTls({ socket: device, rejectUnauthorized: false });
    this.#stream = secured;
    await new Promise<void>((resolve, reject) => secured.once('secureConnect', resolve).once('error', reject));
    this.#listen();
  }

  async end(how: 'end' | 'destroy'): Promise<void> {
    this.#stream[how]();
    await settled();
  }

  async checkClosed(): Promise<void> {
    await settled();
    if (this.received !== '') throw new Error('there is more');
    await this.session.clock.advance(3_000);
    if (!this.#isClosed) throw new Error('it is open');
  }

  /** The end of the dialog: nothing may be left over. */
  async leave(): Promise<void> {
    const { faults, stop, clock, ended } = this.session;
    if (this.received !== '') throw new Error(`unasked for: ${JSON.stringify(this.received)}`);
    for (const fault of faults()) throw fault;
    stop();
    this.#stream.end();
    await clock.advance(10_000);
    await ended;
  }

  #listen(): void {
    this.#stream.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onEnd).on('close', this.#onEnd);
  }
}

/** One step that sends nothing; rejects with what differs. */
async function check(device: Device, { kind, text }: Step): Promise<void> {
  const { clock, store, logged } = device.session;
  switch (kind) {
    case 'S-':
      return device.wantLine(text);
    case 'S:':
      return device.takeReply(text);
    case 'TLS':
      return device.secure();
    case 'EOF':
      return device.end('end');
    case 'RESET':
      return device.end('destroy');
    case 'WAIT':
      return clock.advance(Number(text) * 1000);
    case 'CLOSED':
      return device.checkClosed();
    case 'LOGGED':
      return device.waitForLog(text);
  }
  await settled();
  switch (kind) {
    case 'UNLOGGED':
      if (logged.some((line) => line.includes(text))) throw new Error(`it was logged:\n  ${logged.join('  ')}`);
      return;
    case 'SILENT':
      if (logged.length > 0) throw new Error(`this was logged:\n  ${logged.join('  ')}`);
      return;
    case 'KEPT':
      return checkKept(store, Number(text));
    default:
      return checkMessage(store.messages.at(-1), kind, text);
  }
}

function checkKept(store: MemoryStore, count: number): void {
  if (store.messages.length !== count) throw new Error(`${store.messages.length} messages are kept`);
  if (store.open !== 0) throw new Error(`${store.open} drafts are open`);
}

function checkMessage(message: KeptMessage | undefined, kind: string, text: string): void {
  if (message === undefined) throw new Error('no message is kept');
  const { reversePath, recipients } = message.envelope;
  const octets = message.octets.toString('utf8');
  const lines = octets.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const shown = JSON.stringify(octets);
  switch (kind) {
    case '=':
      if (!lines.some((line) => patternOf(text).test(line))) throw new Error(`no such line in ${shown}`);
      return;
    case '=!':
      if (lines.some((line) => patternOf(text).test(line))) throw new Error(`there is such a line in ${shown}`);
      return;
    case 'ONCE': {
      const fields = lines.slice(0, lines.indexOf(''));
      const count = fields.filter((line) => line.toLowerCase().startsWith(`${text.toLowerCase()}:`)).length;
      if (count !== 1) throw new Error(`it has ${count} of them: ${shown}`);
      return;
    }
    case 'FROM':
      if (formatPath(reversePath) !== text) throw new Error(`it is from ${formatPath(reversePath)}`);
      return;
    case 'TO': {
      const to = recipients.map(({ forwardPath }) => formatMailbox(forwardPath)).join(' ');
      if (to !== text) throw new Error(`it is to ${to}`);
      return;
    }
    default:
      throw new Error('no such step');
  }
}
