// A provider that plays a habit (habits.ts) over real sockets on loopback, and remembers what was done to it.

import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../../../src/system/clock.ts';
import { CERTIFICATE } from '../fakes/scripted-upstream.ts';
import type { Act, Condition, Count, Counted, ProviderScript, Rule, Stage } from './habit.ts';

/** A message that was answered with 250. Times are ms from the start. */
type Taken = { readonly at: number; readonly from: string; readonly to: readonly string[]; readonly data: string };

export type ProviderLog = {
  readonly taken: Taken[];
  /** When each of them happened. */
  readonly times: Readonly<Record<Counted, number[]>>;
  readonly heard: string[];
};

let secureContext: SecureContext | undefined;

/** What a rule's conditions look at. */
type Scene = {
  readonly text: string;
  readonly connection: Connection;
  readonly recipient?: string;
};

export class HabitProvider {
  readonly script: ProviderScript;
  /** Sent to it so far, accepted or not. */
  passwords = 0;
  readonly log: ProviderLog = { taken: [], times: { connections: [], passwords: [], mails: [] }, heard: [] };
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #fired = new Map<Rule, number>();
  readonly #firstSeen = new Map<string, number>();
  readonly #granted: number[] = [];
  #start = 0;
  #connections = 0;

  constructor(script: ProviderScript, clock: Clock) {
    this.script = script;
    this.#clock = clock;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Listens; its port, a free one where 0 is asked for. Its time begins with `start`. */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, this.script.address, resolve);
    });
    const { port: own } = this.#server.address() as AddressInfo;
    if (this.script.security === 'closed') await this.close();
    return own;
  }

  start(): void {
    this.#start = this.#clock.now();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get open(): number {
    return this.#sockets.size;
  }

  /** Time since the start, in ms. */
  elapsed(): number {
    return this.#clock.now() - this.#start;
  }

  count(what: Counted): void {
    this.log.times[what].push(this.elapsed());
  }

  /** MAIL was answered with 250. */
  grant(): void {
    this.#granted.push(this.elapsed());
  }

  hear(line: string): void {
    this.log.heard.push(`${this.script.name}| ${line}`);
  }

  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(milliseconds, resolve));
  }

  /** What it does here in place of the polite reply, if anything. */
  acts(stage: Stage, scene: Scene): readonly Act[] | undefined {
    const found = this.script.rules.find((rule) => rule.stage === stage && rule.conditions.every((one) => this.#holds(one, rule, scene)));
    if (found !== undefined) this.#fired.set(found, (this.#fired.get(found) ?? 0) + 1);
    return found?.acts;
  }

  #holds(condition: Condition, rule: Rule, { text, connection, recipient }: Scene): boolean {
    const now = this.elapsed();
    switch (condition.on) {
      case 'until':
        return now < condition.milliseconds;
      case 'from':
        return now >= condition.milliseconds;
      case 'first':
        return (this.#fired.get(rule) ?? 0) < condition.times;
      case 'new': {
        const pair = `${connection.from} ${recipient}`;
        const first = this.#firstSeen.get(pair) ?? now;
        this.#firstSeen.set(pair, first);
        return now - first < condition.milliseconds;
      }
      case 'message':
        return isIn(connection.mails, condition.count);
      case 'connection':
        return isIn(connection.number, condition.count);
      case 'password':
        return isIn(this.passwords, condition.count);
      case 'open':
        return isIn(this.open, condition.count);
      case 'recipient':
        return isIn(connection.recipients.length + 1, condition.count);
      case 'taken':
      case 'mails': {
        const times = condition.on === 'mails' ? this.#granted : this.log.taken.map(({ at }) => at);
        return isIn(times.filter((at) => at > now - condition.milliseconds).length, condition.count);
      }
      case 'pipelined':
        return connection.hasMore;
      case 'secure':
        return connection.isSecure;
      case 'clear':
        return !connection.isSecure;
      case '8bit':
        // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
        return /[^\u0000-\u007f]/.test(text);
      case 'long':
        return text.split('\r\n').some((line) => line.length > 998);
      case 'if':
        return text.toLowerCase().includes(condition.text.toLowerCase());
      case 'unless':
        return !text.toLowerCase().includes(condition.text.toLowerCase());
      default:
        return condition satisfies never;
    }
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    this.#connections += 1;
    this.count('connections');
    const connection = new Connection(this, socket, this.#connections);
    connection.converse().catch((error: unknown) => {
      if (!(error instanceof Over)) throw error;
    });
  }
}

// Of a message: its header section, and the parts of a notification.
const MOST_LINES_HEARD = 200;

const isIn = (number: number, { least, most }: Count) => number >= least && number <= most;

/** The conversation has ended. */
class Over extends Error {}

/** One client's conversation. Octets are latin1 characters. */
class Connection {
  readonly number: number;
  from = '';
  recipients: string[] = [];
  /** MAIL commands in it, this one counted. */
  mails = 0;
  readonly #provider: HabitProvider;
  readonly #socket: Socket;
  #stream: Socket;
  #waiting = '';
  #hasEnded = false;
  #wake = () => {};
  #isInTransaction = false;

  constructor(provider: HabitProvider, socket: Socket, number: number) {
    this.number = number;
    this.#provider = provider;
    this.#socket = socket;
    this.#stream = socket;
    this.#listen();
  }

  get isSecure(): boolean {
    return this.#stream instanceof TLSSocket;
  }

  get hasMore(): boolean {
    return this.#waiting !== '';
  }

  async converse(): Promise<void> {
    if (this.#provider.script.security === 'tls') await this.#secure();
    await this.#reply('greeting', '', '220 up.example ESMTP');
    for (;;) {
      const line = await this.#line();
      this.#provider.hear(line);
      await this.#serve(line);
    }
  }

  async #serve(line: string): Promise<void> {
    switch (line.split(/[ :]/)[0]?.toUpperCase()) {
      case 'EHLO':
        await this.#reply('ehlo', line, ...this.#capabilities());
        return;
      case 'STARTTLS':
        if (await this.#reply('starttls', line, '220 go ahead')) await this.#secure();
        return;
      case 'AUTH':
        return this.#authenticate(line);
      case 'MAIL':
        return this.#mail(line);
      case 'RCPT':
        return this.#rcpt(line);
      case 'DATA':
        return this.#data(line);
      case 'BDAT':
        return this.#chunk(line);
      case 'QUIT':
        await this.#reply('quit', line, '221 bye');
        return this.#over();
      default:
        this.#isInTransaction = false;
        await this.#reply('rset', line, '250 2.0.0 ok');
    }
  }

  #capabilities(): string[] {
    const { security, offers } = this.#provider.script;
    const keywords = security === 'starttls' && !this.isSecure ? ['STARTTLS', 'PIPELINING'] : offers;
    return ['up.example', ...keywords].map((keyword, at, all) => `250${at === all.length - 1 ? ' ' : '-'}${keyword}`);
  }

  /** AUTH to its end: the mechanism first, then user and password. */
  async #authenticate(line: string): Promise<void> {
    const [, mechanism = '', initial] = line.split(' ');
    const acts = this.#provider.acts('mechanism', { text: line, connection: this });
    if (acts !== undefined) {
      await this.#perform(acts, ['334 ']);
      return;
    }
    const [user, secret] = await this.#credentials(mechanism.toUpperCase(), initial);
    this.#provider.passwords += 1;
    this.#provider.hear(`PASSWORD ${user} ${secret}`);
    const sentAt = this.#provider.elapsed();
    let isAccepted = false;
    try {
      isAccepted = await this.#reply('password', `${user} ${secret} ${mechanism}`, '235 2.7.0 ok');
    } finally {
      if (!isAccepted) this.#provider.log.times.passwords.push(sentAt);
    }
  }

  async #credentials(mechanism: string, initial: string | undefined): Promise<readonly [string, string]> {
    const plain = (text: string) => Buffer.from(text, 'base64').toString();
    const ask = async (challenge: string) => {
      this.#say(`334 ${Buffer.from(challenge).toString('base64')}`);
      return plain(await this.#line());
    };
    switch (mechanism) {
      case 'PLAIN': {
        const [, user = '', secret = ''] = (initial === undefined ? await ask('') : plain(initial)).split('\0');
        return [user, secret];
      }
      case 'LOGIN': {
        const user = initial === undefined ? await ask('Username:') : plain(initial);
        return [user, await ask('Password:')];
      }
      default: {
        const [user = '', digest = ''] = (await ask(`<${randomBytes(6).toString('hex')}@up.example>`)).split(' ');
        return [user, digest];
      }
    }
  }

  async #mail(line: string): Promise<void> {
    this.mails += 1;
    this.#isInTransaction = false;
    this.recipients = [];
    this.from = /^MAIL FROM:<([^>]*)>/i.exec(line)?.[1] ?? '';
    this.#provider.count('mails');
    this.#isInTransaction = await this.#reply('mail', line, '250 2.1.0 ok');
    if (this.#isInTransaction) this.#provider.grant();
  }

  async #rcpt(line: string): Promise<void> {
    if (!this.#isInTransaction) return this.#say('503 5.5.1 MAIL first');
    const recipient = /^RCPT TO:<([^>]*)>/i.exec(line)?.[1] ?? '';
    if (await this.#reply('rcpt', line, '250 2.1.5 ok', recipient)) this.recipients.push(recipient);
  }

  async #data(line: string): Promise<void> {
    if (!this.#isInTransaction || this.recipients.length === 0) return this.#say('554 5.5.1 no valid recipients');
    if (!(await this.#reply('data', line, '354 go'))) return;
    const lines: string[] = [];
    for (let one = await this.#line(); one !== '.'; one = await this.#line()) lines.push(`${one.replace(/^\./, '')}\r\n`);
    await this.#take('dot', lines.join(''));
  }

  async #chunk(line: string): Promise<void> {
    const octets = Number(line.split(' ')[1]);
    while (this.#waiting.length < octets) await this.#more();
    const data = this.#waiting.slice(0, octets);
    this.#waiting = this.#waiting.slice(octets);
    if (!this.#isInTransaction || this.recipients.length === 0) return this.#say('503 5.5.1 no valid recipients');
    await this.#take('bdat', data);
  }

  async #take(stage: 'dot' | 'bdat', data: string): Promise<void> {
    const { from, recipients: to } = this;
    this.#isInTransaction = false;
    this.recipients = [];
    if (!(await this.#reply(stage, data, '250 2.0.0 taken'))) return;
    this.#provider.log.taken.push({ at: this.#provider.elapsed(), from, to, data });
    for (const line of data.split('\r\n').slice(0, MOST_LINES_HEARD)) this.#provider.hear(`= ${line}`);
  }

  /** Does what the habit says, or is polite; whether the client got what it asked for. */
  async #reply(stage: Stage, text: string, ...rest: readonly string[]): Promise<boolean> {
    const recipient = stage === 'rcpt' ? rest[1] : undefined;
    const polite = stage === 'rcpt' ? rest.slice(0, 1) : rest;
    const acts = this.#provider.acts(stage, { text, connection: this, ...(recipient === undefined ? {} : { recipient }) });
    return this.#perform(acts ?? [{ act: 'ok' }], polite);
  }

  async #perform(acts: readonly Act[], polite: readonly string[]): Promise<boolean> {
    let isGranted = false;
    for (const act of acts) {
      switch (act.act) {
        case 'ok':
          this.#say(...polite);
          isGranted = true;
          break;
        case 'reply':
          this.#say(...act.lines);
          isGranted = /^[23]/.test(act.lines[0] ?? '');
          break;
        case 'wait':
          await this.#provider.wait(act.milliseconds);
          break;
        case 'drop':
          this.#waiting = '';
          break;
        case 'silence':
          while (!this.#hasEnded) await this.#more();
          return this.#over();
        case 'close':
          return this.#over();
        case 'reset':
          this.#socket.resetAndDestroy();
          throw new Over();
        default:
          act satisfies never;
      }
    }
    return isGranted;
  }

  #over(): never {
    this.#stream.end();
    this.#stream.resume();
    throw new Over();
  }

  #say(...lines: readonly string[]): void {
    if (this.#stream.writable) this.#stream.write(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#waiting.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#waiting.slice(0, end);
        this.#waiting = this.#waiting.slice(end + 2);
        return line;
      }
      await this.#more();
    }
  }

  /** Waits for more octets, or throws when there will be none. */
  async #more(): Promise<void> {
    if (this.#hasEnded) this.#over();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #listen(): void {
    this.#stream.on('data', (chunk: Buffer) => {
      this.#waiting += chunk.toString('latin1');
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      this.#stream.on(event, () => {
        this.#hasEnded = true;
        this.#wake();
      });
    }
  }

  async #secure(): Promise<void> {
    secureContext ??= createSecureContext({ key: CERTIFICATE.key, cert: CERTIFICATE.cert });
    this.#socket.removeAllListeners('data');
    const secured = new TLSSocket(this.#socket, { isServer: true, secureContext });
    this.#waiting = '';
    this.#stream = secured;
    this.#listen();
    await new Promise<void>((resolve, reject) => {
      secured.once('secure', resolve);
      secured.once('error', () => reject(new Over()));
      this.#socket.once('close', () => reject(new Over()));
    });
  }
}
