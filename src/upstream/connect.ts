// From nothing to a connection that is ready for MAIL: resolve, connect, greeting, EHLO, STARTTLS, TLS,
// EHLO again, AUTH (RFC 5321, section 3.1; RFC 3207; RFC 4954). Straight-line: the client chooses what
// comes next, so the code's own order is its state. Whatever goes wrong here is the upstream's sickness
// and says nothing about any message.

import { BlockList, connect as connectSocket, isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Stage, UpstreamFailure } from '../smtp/outcome.ts';
import { describeReply, LONGEST_REPLY_LINES, type RemoteReply, replyReader } from '../smtp/reply.ts';
import type { Credentials } from '../smtp/sasl.ts';
import type { Clock } from '../system/clock.ts';
import { ConnectionLost, type Wire, wire } from '../system/wire.ts';
import { type Capabilities, NO_CAPABILITIES, readCapabilities } from './capabilities.ts';
import { chooseMechanism } from './mechanisms.ts';
import { nameOf, type UpstreamTarget } from './target.ts';
import { isPinned, type Trust, tlsOptions } from './trust.ts';

/** How long is waited for what (RFC 5321, section 4.5.3.2), in ms. */
export const WAIT = {
  connect: 30_000,
  tls: 30_000,
  greeting: 300_000,
  command: 300_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  block: 180_000,
  endOfData: 600_000,
  quit: 5_000,
} as const;

const LONGEST_REPLY_LINE = 2_048;

export type Connection = {
  readonly wire: Wire;
  readonly capabilities: Capabilities;
  /** For the log: `TLSv1.3` or `none`; mechanism or `none`. */
  readonly tls: string;
  readonly auth: string;
};

export type ConnectParts = { readonly clock: Clock; readonly hostname: string; readonly trust: Trust };

/** Carries a failure out of the straight line; caught in `connect` and in transaction.ts. */
export class Failed extends Error {
  readonly failure: UpstreamFailure;
  constructor(stage: Stage, problem: string, reply?: RemoteReply) {
    super(problem);
    this.failure = { scope: 'upstream', stage, problem, ...(reply === undefined ? {} : { reply }) };
  }
}

/** A connection, or why there is none. `stop` cuts it short. */
export async function connect(target: UpstreamTarget, parts: ConnectParts, stop: AbortSignal): Promise<Connection | UpstreamFailure> {
  let open: { destroy(): void } | undefined;
  const cut = () => open?.destroy();
  stop.addEventListener('abort', cut, { once: true });
  try {
    return await establish(target, parts, (what) => {
      open = what;
      if (stop.aborted) cut();
    });
  } catch (error) {
    cut();
    if (error instanceof Failed) return error.failure;
    throw error;
  } finally {
    stop.removeEventListener('abort', cut);
  }
}

async function establish(target: UpstreamTarget, parts: ConnectParts, opened: (what: { destroy(): void }) => void): Promise<Connection> {
  const { clock } = parts;
  const socket = await dial(target, clock, opened);
  if (target.security === 'plain' && !isPrivate(socket.remoteAddress ?? '')) {
    throw new Failed('connect', `smtp+plain goes to loopback and private addresses only, and ${target.host} is ${socket.remoteAddress}`);
  }
  let secure = target.security === 'tls' ? await encrypt(socket, target, parts, opened) : undefined;
  let line = wire(secure ?? socket, clock);
  opened(line);

  await expect(line, 'greeting', WAIT.greeting, 220);
  let capabilities = await ehlo(line, parts.hostname, target.security === 'starttls');
  if (target.security === 'starttls') {
    if (!capabilities.startTls) throw new Failed('starttls', 'the server does not offer STARTTLS, and without it nothing is sent');
    line.queue(Buffer.from('STARTTLS\r\n'));
    await expect(line, 'starttls', WAIT.command, 220);
    const bare = line.handOver();
    if (bare === 'bytes-waiting')
      throw new Failed('starttls', 'the server sent more after its reply to STARTTLS; someone may be injecting');
    secure = await encrypt(bare, target, parts, opened);
    line = wire(secure, clock);
    opened(line);
    capabilities = await ehlo(line, parts.hostname, true); // nothing learned in the clear counts (RFC 3207, section 4.2)
  }
  const auth =
    target.credentials === undefined || target.auth === 'none'
      ? 'none'
      : await authenticate(line, target.auth, target.credentials, capabilities, secure !== undefined);
  return { wire: line, capabilities, tls: secure?.getProtocol() ?? 'none', auth };
}

/** A TCP connection; Node tries the addresses of a name side by side (RFC 8305). */
function dial(target: UpstreamTarget, clock: Clock, opened: (what: { destroy(): void }) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: target.host, port: target.port, autoSelectFamily: true });
    opened(socket);
    const cancel = clock.after(WAIT.connect, () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    const onError = (error: NodeJS.ErrnoException) => {
      cancel();
      reject(new Failed(error.syscall === 'getaddrinfo' ? 'resolve' : 'connect', describeSocketError(error, target)));
    };
    const onClose = () => onError(new Error('the connection was given up'));
    socket.once('error', onError).once('close', onClose);
    socket.once('connect', () => {
      cancel();
      socket.off('error', onError).off('close', onClose).setNoDelay(true);
      resolve(socket);
    });
  });
}

function describeSocketError(error: NodeJS.ErrnoException, target: UpstreamTarget): string {
  const name = nameOf(target);
  switch (error.code) {
    case 'ENOTFOUND':
      return `the name ${target.host} does not exist`;
    case 'EAI_AGAIN':
      return `the name ${target.host} can't be looked up: no DNS server answers`;
    case 'ECONNREFUSED':
      return `${name} refuses the connection: nothing listens there`;
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return `no route to ${name}`;
    case 'ETIMEDOUT':
      return `${name} does not answer: it is down, or the port is blocked on the way`;
    default:
      // Several addresses failed: Node gives an AggregateError without message.
      return error instanceof AggregateError ? error.errors.map((one: Error) => one.message).join('; ') : error.message;
  }
}

async function encrypt(
  socket: Duplex,
  target: UpstreamTarget,
  parts: ConnectParts,
  opened: (what: { destroy(): void }) => void,
): Promise<TLSSocket> {
  const options = await tlsOptions(target.host, parts.trust);
  const secure = await new Promise<TLSSocket>((resolve, reject) => {
    const tls = connectTls({ ...options, socket });
    opened(tls);
    const cancel = parts.clock.after(WAIT.tls, () => tls.destroy(new Error('the handshake took too long')));
    const onError = (error: NodeJS.ErrnoException) => {
      cancel();
      reject(new Failed('tls', describeTlsError(error, target)));
    };
    const onClose = () => onError(new Error('the server closed the connection during the handshake'));
    tls.once('error', onError).once('close', onClose);
    tls.once('secureConnect', () => {
      cancel();
      tls.off('error', onError).off('close', onClose);
      resolve(tls);
    });
  });
  if (parts.trust.pin !== undefined && !isPinned(secure, parts.trust.pin)) {
    secure.on('error', () => {}).destroy();
    throw new Failed('tls', "the server's key is not the one of GATEPOST_UPSTREAM_PIN");
  }
  return secure;
}

function describeTlsError(error: NodeJS.ErrnoException, target: UpstreamTarget): string {
  switch (error.code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate is not for ${target.host}: ${error.message}`;
    case 'CERT_HAS_EXPIRED':
      return "the server's certificate has expired";
    case 'CERT_NOT_YET_VALID':
      return "the server's certificate is not yet valid: is this board's clock right?";
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `the server's certificate is from nobody we know (${error.code}); GATEPOST_UPSTREAM_CA or GATEPOST_UPSTREAM_PIN can name it`;
    default:
      return `the TLS handshake failed: ${error.message}`;
  }
}

async function ehlo(line: Wire, hostname: string, isRequired: boolean): Promise<Capabilities> {
  line.queue(Buffer.from(`EHLO ${hostname}\r\n`));
  const reply = await readReply(line, 'ehlo', WAIT.command);
  if (reply.code === 250) return readCapabilities(reply);
  if (isRequired || reply.code === 421) throw new Failed('ehlo', `EHLO was refused: ${describeReply(reply)}`, reply);
  line.queue(Buffer.from(`HELO ${hostname}\r\n`));
  await expect(line, 'ehlo', WAIT.command, 250);
  return NO_CAPABILITIES;
}

async function authenticate(
  line: Wire,
  choice: 'auto' | 'plain' | 'login',
  credentials: Credentials,
  capabilities: Capabilities,
  isEncrypted: boolean,
): Promise<string> {
  const mechanism = chooseMechanism(choice, capabilities.auth, isEncrypted);
  if (typeof mechanism === 'string') throw new Failed('auth', mechanism);
  const exchange = mechanism.start(credentials);
  const first = mechanism.clientFirst ? ` ${base64(exchange.next().value ?? Buffer.alloc(0))}` : '';
  line.queue(Buffer.from(`AUTH ${mechanism.name}${first}\r\n`));
  // Bounded: no mechanism has more rounds than this.
  for (let round = 0; round < 8; round++) {
    const reply = await readReply(line, 'auth', WAIT.command);
    if (reply.code === 235) return mechanism.name;
    if (reply.code !== 334) throw new Failed('auth', `the login as ${credentials.username} was refused: ${describeReply(reply)}`, reply);
    const { value } = exchange.next(Buffer.from(reply.lines[0], 'base64'));
    line.queue(Buffer.from(`${value === undefined ? '*' : base64(value)}\r\n`));
  }
  throw new Failed('auth', 'the server asks and asks');
}

const base64 = (octets: Buffer) => (octets.length === 0 ? '=' : octets.toString('base64'));

async function expect(line: Wire, stage: Stage, within: number, code: number): Promise<RemoteReply> {
  const reply = await readReply(line, stage, within);
  if (reply.code !== code) throw new Failed(stage, describeReply(reply), reply);
  return reply;
}

/** The next reply. Throws Failed when the connection is lost, nothing comes in time, or what comes is no reply. */
export async function readReply(line: Wire, stage: Stage, within: number): Promise<RemoteReply> {
  const feed = replyReader();
  for (let count = 0; count <= LONGEST_REPLY_LINES; count++) {
    const next = await failingAt(stage, line.line(LONGEST_REPLY_LINE, within));
    if (next === 'too-long') break;
    const result = feed(next.octets);
    if (result.result === 'reply') return result.reply;
    if (result.result === 'malformed') throw new Failed(stage, `this is no SMTP reply: ${JSON.stringify(result.line.slice(0, 200))}`);
  }
  throw new Failed(stage, 'the reply never ends');
}

/** Turns a lost connection into a failure of the stage. */
export async function failingAt<T>(stage: Stage, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ConnectionLost) throw new Failed(stage, error.message);
    throw error;
  }
}

const PRIVATE = new BlockList();
for (const [address, prefix, family] of [
  ['127.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
] as const) {
  PRIVATE.addSubnet(address, prefix, family);
}

function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
