// The session that a dialog speaks with: a real one over a store in memory and a clock that the dialog moves. Settings:
//
//   @ size 1000             octets a message may have         @ recipients 2           recipients a message
//   @ room 0                octets the store has left         @ commit full | failed   what storing results in
//   @ wall 0                the date, in ms                   @ rate 2/m               messages a minute
//   @ auth any | required   user cam, password secret         @ tls | tls required     STARTTLS
//   @ passed-on             the upstream takes SMTPUTF8 and BINARYMIME
//   @ sender a@b            @ recipient a@b                   @ domain b               what the owner has rewritten
//   @ upstream-senders x                                     of the only upstream, apart by commas
//   @ allow-senders x       @ allow-recipients x              patterns, apart by commas
//   @ waiting 3 | unable    what ETRN finds

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { selfSigned } from '../../../scripts/lib/certificate.ts';
import { createLog } from '../../../src/ops/log.ts';
import { Conversation } from '../../../src/server/session.ts';
import { createAuthenticator } from '../../../src/server/users.ts';
import { type Mailbox, parseMailbox } from '../../../src/smtp/address.ts';
import type { Tell } from '../../../src/vocabulary/events.ts';
import type { DeviceUser } from '../../../src/vocabulary/password.ts';
import { type FakeClock, fakeClock } from '../fakes/clock.ts';
import { collectNews } from '../fakes/news.ts';
import { type MemoryStore, memoryStore } from '../fakes/store.ts';
import { alsoSecret, searchForSecrets } from '../secrets.ts';
import { type SessionOptions, sessionParts, sizeLimitOf, tlsWith } from './access.ts';

export type DialogSession = {
  /** The device's end of the connection. */
  readonly device: Duplex;
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  /** Over real sockets, which TLS needs, and which take their time. */
  readonly isReal: boolean;
  /** The lines of the log so far. */
  readonly logged: readonly string[];
  /** What went wrong in the session that should not have. */
  readonly faults: () => readonly unknown[];
  /** Stops the relay. */
  readonly stop: () => void;
  /** Resolves when the session has ended. */
  readonly ended: Promise<void>;
};

/** Begins a session with an address of TEST-NET-1. `woken` is called at each event. */
export async function beginSession(settings: readonly string[], woken: () => void): Promise<DialogSession> {
  const clock = fakeClock();
  const store = memoryStore();
  const options = readSettings(settings, store, clock);
  const isReal = options.tls?.context !== undefined;
  const [device, server] = isReal ? await socketPair() : duplexPair();
  const stop = new AbortController();
  const news = collectNews();
  const logged: string[] = [];
  const tell: Tell = (event, ...all) => {
    news.tell(event, ...all);
    (logOnce(clock, logged)[event] as (...all: unknown[]) => void)(...all);
    woken();
  };
  const parts = sessionParts({ ...options, store, clock, tell, stop: stop.signal });
  const ended = new Conversation(server, '192.0.2.7', false, parts).run();
  return {
    device,
    clock,
    store,
    isReal,
    logged,
    faults: () => news.of('fault').map(({ error }) => error),
    stop: () => stop.abort(),
    ended,
  };
}

/** A log for one event: what a device does over and over must be logged each time here. */
function logOnce(clock: FakeClock, logged: string[]): ReturnType<typeof createLog> {
  return createLog({ level: 'info', format: 'text' }, clock, (line) => {
    searchForSecrets(line, 'the log');
    return logged.push(line) > 0;
  });
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

const CERTIFICATE = selfSigned();
const USERS: readonly DeviceUser[] = [{ name: 'cam', secret: { kind: 'plain', password: 'secret' } }];
alsoSecret('secret', 'hunter2-sesame');

const KNOWN: ReadonlySet<string> = new Set(
  `lockstep one-piece size room commit recipients wall auth tls passed-on sender recipient domain allow-senders upstream-senders
   allow-recipients rate waiting`.split(/\s+/),
);

function readSettings(lines: readonly string[], store: MemoryStore, clock: FakeClock): SessionOptions {
  const values = new Map(lines.map((line) => [line.split(' ')[0] ?? '', line.slice((line.split(' ')[0] ?? '').length + 1)]));
  for (const name of values.keys()) if (!KNOWN.has(name)) throw new Error(`no such setting: ${name}`);
  const mailbox = (name: string) => {
    const value = values.get(name);
    return value === undefined ? undefined : (parseMailbox(value, { utf8: false }) as Mailbox);
  };
  store.roomLeft = Number(values.get('room') ?? store.roomLeft);
  store.commitResult = (values.get('commit') ?? 'stored') as MemoryStore['commitResult'];
  if (values.has('wall')) clock.setWall(Number(values.get('wall')));
  const auth = (values.get('auth') ?? 'off') as 'off' | 'any' | 'required';
  const rate = /^(\d+)\/m$/.exec(values.get('rate') ?? '');
  const waiting = values.get('waiting') ?? '0';
  const takes = values.has('passed-on');
  return {
    authenticator: createAuthenticator(auth, auth === 'required' ? USERS : [], clock),
    tls: tlsWith(values.has('tls') ? createSecureContext({ key: CERTIFICATE.key, cert: CERTIFICATE.cert }) : undefined),
    passedOn: { smtpUtf8: takes, binaryMime: takes },
    rewriting: { sender: mailbox('sender'), recipient: mailbox('recipient'), defaultDomain: values.get('domain') },
    sizeLimit: sizeLimitOf(Number(values.get('size') ?? 1_000_000)),
    settings: {
      maxRecipients: Number(values.get('recipients') ?? 100),
      allowSenders: values.get('allow-senders')?.split(','),
      upstreams: [{ senders: values.get('upstream-senders')?.split(',') }],
      allowRecipients: values.get('allow-recipients')?.split(','),
      deviceRate: rate === null ? undefined : { count: Number(rate[1]), per: 60_000 },
      startTls: !values.has('tls') ? 'off' : values.get('tls') === 'required' ? 'required' : 'offered',
    },
    runQueue: () => (waiting === 'unable' ? 'unable' : Number(waiting)),
  };
}
