// From nothing to a connection that is ready for MAIL: resolve, connect, greeting, EHLO, STARTTLS, TLS,
// EHLO again, AUTH (RFC 5321, section 3.1; RFC 3207; RFC 4954). Straight-line: the client chooses what
// comes next, so the code's own order is its state. Whatever goes wrong here is a failure of the upstream,
// and says nothing about any message.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { Clock } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { Wire } from '../system/wire.ts';
import type { UpstreamFailure } from '../vocabulary/attempt.ts';
import { isOfPace } from '../vocabulary/cause.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import type { Addresses } from './addresses.ts';
import { type Capabilities, NO_CAPABILITIES, readCapabilities } from './capabilities.ts';
import { dial, type OnOpened } from './dial.ts';
import { expect, readReply, UpstreamFailed, WAIT } from './dialogue.ts';
import type { Habits } from './habits.ts';
import { addressLiteral } from './hello.ts';
import { login } from './login.ts';
import { connectTls, describeCertificate, type TlsMemory } from './tls.ts';
import type { Trust } from './trust.ts';

// With how many addresses an attempt talks in vain. The next attempt begins with the others.
const MOST_CONVERSATIONS = 3;

/** A connection that is ready for MAIL. */
export type Connection = {
  readonly wire: Wire;
  readonly capabilities: Capabilities;
  /** For the log: the protocol's version, such as `TLSv1.3`, or `none`. */
  readonly tls: string;
  /** For the log: the SASL mechanism, or `none`. */
  readonly auth: string;
  /** Whether it has carried a message. */
  readonly isKept: boolean;
};

/** What a connection is made with. */
export type ConnectParts = {
  readonly clock: Clock;
  readonly random: Random;
  /** For EHLO; where there is no full name it is an address literal of the connection's own address. */
  readonly hostname: string | undefined;
  readonly trust: Trust;
  readonly memory: TlsMemory;
  readonly addresses: Addresses;
  readonly habits: Habits;
  /**
   * Called when a server has been silent for long after the connect, and when it has greeted after that or the wait is
   * over.
   */
  readonly onSilence?: ((isSilent: boolean) => void) | undefined;
  /** How long a greeting is waited for, in ms; as RFC 5321 has it when undefined. */
  readonly greetingWithin?: number | undefined;
  /** Called with a sentence at each step that has succeeded, for people who watch. */
  readonly step?: ((sentence: string) => void) | undefined;
};

/** A connection, or why there is none. `stop` cuts it short. Rejects only for a fault of the relay's own. */
export async function connect(target: UpstreamTarget, parts: ConnectParts, stop: AbortSignal): Promise<Connection | UpstreamFailure> {
  let open: { destroy(): void } | undefined;
  const cut = () => open?.destroy();
  stop.addEventListener('abort', cut, { once: true });
  try {
    return await establish(target, parts, stop, (what) => {
      open = what;
      if (stop.aborted) cut();
    });
  } catch (error) {
    cut();
    if (error instanceof UpstreamFailed) return error.failure;
    throw error;
  } finally {
    stop.removeEventListener('abort', cut);
  }
}

/**
 * Tries the addresses one after the other, as long as none has cost too much time; a login that was refused ends it.
 */
async function establish(target: UpstreamTarget, parts: ConnectParts, stop: AbortSignal, onOpened: OnOpened): Promise<Connection> {
  const { clock, addresses } = parts;
  const started = clock.now();
  const found = await addresses.find(stop);
  let conversations = 0;
  let worst: UpstreamFailed | undefined;
  for (const [at, address] of found.entries()) {
    const within = at === found.length - 1 ? WAIT.connect : WAIT.connectNext;
    try {
      const socket = await dial(target, address, { clock, within, onOpened });
      const connection = await converse(socket, target, parts, onOpened);
      addresses.worked(address);
      return connection;
    } catch (error) {
      if (!(error instanceof UpstreamFailed)) throw error;
      if (isOfAll(error)) throw error;
      addresses.failed(address);
      if (error.failure.stage !== 'connect') conversations += 1;
      // What an address says that could be connected to tells more than that another one could not.
      if (worst === undefined || error.failure.stage !== 'connect') worst = error;
      if (stop.aborted || conversations === MOST_CONVERSATIONS || clock.now() - started >= WAIT.nextAddress) break;
    }
  }
  throw worst ?? new UpstreamFailed('resolve', `the name ${target.host} has no address`);
}

/**
 * Whether another address of the provider would say the same, and mind being asked: of the login, and of how much is
 * sent.
 */
const isOfAll = ({ failure: { stage, cause } }: UpstreamFailed): boolean => stage === 'auth' || cause === 'single' || isOfPace(cause);

/** From the connected socket to MAIL. Rejects with UpstreamFailed. */
async function converse(socket: Socket, target: UpstreamTarget, parts: ConnectParts, onOpened: OnOpened): Promise<Connection> {
  const { clock, random, trust, memory, habits, step = () => {} } = parts;
  const hostname = parts.hostname ?? addressLiteral(socket.localAddress ?? '127.0.0.1');
  step(`connected to ${socket.remoteAddress} port ${socket.remotePort}`);
  const goSecure = async (on: Parameters<typeof connectTls>[0]): Promise<TLSSocket> => {
    const tls = await connectTls(on, target, { clock, trust, memory, onOpened });
    step(`${tls.getProtocol()}${tls.isSessionReused() ? ', session resumed' : ''}, ${describeCertificate(tls)}`);
    return tls;
  };
  let secure = target.security === 'tls' ? await goSecure(socket) : undefined;
  let wire = new Wire(secure ?? socket, clock);
  onOpened(wire);

  step(`greeting: ${describeReply(await greeting(wire, socket.remoteAddress ?? '', parts))}`);
  let capabilities = await ehlo(wire, hostname, target.security === 'starttls' ? 'ehlo' : 'ehlo-or-helo');
  if (target.security === 'starttls') {
    if (!capabilities.startTls) throw new UpstreamFailed('starttls', 'the server does not offer STARTTLS, and without it nothing is sent');
    wire.queue(Buffer.from('STARTTLS\r\n'));
    step(`STARTTLS: ${describeReply(await expect(wire, 'starttls', WAIT.command, 220))}`);
    const bare = wire.handOver();
    if (bare === 'bytes-waiting')
      throw new UpstreamFailed('starttls', 'the server sent more after its reply to STARTTLS; someone may be injecting');
    secure = await goSecure(bare);
    wire = new Wire(secure, clock);
    onOpened(wire);
    capabilities = await ehlo(wire, hostname, 'ehlo'); // nothing learned in the clear counts (RFC 3207, section 4.2)
  }
  step(`offers: ${capabilities.offers.join(', ') || 'nothing'}`);
  capabilities = habits.restrict(capabilities);
  const tls = secure?.getProtocol() ?? 'none';
  const { credentials, auth: choice } = target;
  if (credentials === undefined || choice === 'none') return { wire, capabilities, tls, auth: 'none', isKept: false };
  const auth = await login(
    wire,
    credentials,
    { choice, offered: capabilities.auth, isEncrypted: secure !== undefined },
    { random, habits },
  );
  step(`logged in as ${credentials.username} (${auth})`);
  return { wire, capabilities, tls, auth, isKept: false };
}

/**
 * The greeting. While a server says nothing, attempts that begin meanwhile try its other addresses first, and the owner
 * is told what silence may mean.
 */
async function greeting(wire: Wire, address: string, { clock, addresses, onSilence, greetingWithin }: ConnectParts): Promise<RemoteReply> {
  let isSilent = false;
  const cancel = clock.after(WAIT.silence, () => {
    isSilent = true;
    addresses.failed(address);
    onSilence?.(true);
  });
  try {
    return await expect(wire, 'greeting', greetingWithin ?? WAIT.greeting, 220);
  } finally {
    cancel();
    if (isSilent) onSilence?.(false);
  }
}

/** What the server offers; `ehlo-or-helo`: one that refuses EHLO is asked in the old way (RFC 5321, section 3.2). */
async function ehlo(wire: Wire, hostname: string, way: 'ehlo' | 'ehlo-or-helo'): Promise<Capabilities> {
  wire.queue(Buffer.from(`EHLO ${hostname}\r\n`));
  const reply = await readReply(wire, 'ehlo', WAIT.command);
  if (reply.code === 250) return readCapabilities(reply);
  if (way === 'ehlo' || reply.code === 421) throw new UpstreamFailed('ehlo', `EHLO was refused: ${describeReply(reply)}`, { reply });
  wire.queue(Buffer.from(`HELO ${hostname}\r\n`));
  await expect(wire, 'ehlo', WAIT.command, 250);
  return NO_CAPABILITIES;
}
