// From nothing to a connection that is ready for MAIL: resolve, connect, greeting, EHLO, STARTTLS, TLS,
// EHLO again, AUTH (RFC 5321, section 3.1; RFC 3207; RFC 4954). Straight-line: the client chooses what
// comes next, so the code's own order is its state. Whatever goes wrong here is the upstream's sickness
// and says nothing about any message.

import type { LookupFunction } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describeReply } from '../smtp/reply.ts';
import type { Clock } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { Wire } from '../system/wire.ts';
import type { UpstreamFailure } from '../vocabulary/attempt.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import { type Capabilities, NO_CAPABILITIES, readCapabilities } from './capabilities.ts';
import { dial } from './dial.ts';
import { expect, readReply, UpstreamFailed, WAIT } from './dialogue.ts';
import { explained } from './explain.ts';
import { login } from './login.ts';
import { connectTls, describeCertificate, type TlsMemory } from './tls.ts';
import type { Trust } from './trust.ts';

export type Connection = {
  readonly wire: Wire;
  readonly capabilities: Capabilities;
  /** For the log: `TLSv1.3` or `none`; mechanism or `none`. */
  readonly tls: string;
  readonly auth: string;
};

export type ConnectParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly hostname: string;
  readonly trust: Trust;
  readonly memory: TlsMemory;
  /** Finds addresses; the system's when absent. */
  readonly lookup?: LookupFunction;
  /** Told in a sentence what has been reached, for people who watch. */
  readonly step?: (sentence: string) => void;
};

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
    if (error instanceof UpstreamFailed) return explained(error.failure);
    throw error;
  } finally {
    stop.removeEventListener('abort', cut);
  }
}

async function establish(target: UpstreamTarget, parts: ConnectParts, opened: (what: { destroy(): void }) => void): Promise<Connection> {
  const { clock, step = () => {} } = parts;
  const socket = await dial(target, { ...parts, opened });
  step(`connected to ${socket.remoteAddress} port ${socket.remotePort}`);
  const goSecure = async (on: Parameters<typeof connectTls>[0]): Promise<TLSSocket> => {
    const tls = await connectTls(on, target, { ...parts, opened });
    step(`${tls.getProtocol()}${tls.isSessionReused() ? ', session resumed' : ''}, ${describeCertificate(tls)}`);
    return tls;
  };
  let secure = target.security === 'tls' ? await goSecure(socket) : undefined;
  let line = new Wire(secure ?? socket, clock);
  opened(line);

  step(`greeting: ${describeReply(await expect(line, 'greeting', WAIT.greeting, 220))}`);
  let capabilities = await ehlo(line, parts.hostname, target.security === 'starttls');
  if (target.security === 'starttls') {
    if (!capabilities.startTls) throw new UpstreamFailed('starttls', 'the server does not offer STARTTLS, and without it nothing is sent');
    line.queue(Buffer.from('STARTTLS\r\n'));
    step(`STARTTLS: ${describeReply(await expect(line, 'starttls', WAIT.command, 220))}`);
    const bare = line.handOver();
    if (bare === 'bytes-waiting')
      throw new UpstreamFailed('starttls', 'the server sent more after its reply to STARTTLS; someone may be injecting');
    secure = await goSecure(bare);
    line = new Wire(secure, clock);
    opened(line);
    capabilities = await ehlo(line, parts.hostname, true); // nothing learned in the clear counts (RFC 3207, section 4.2)
  }
  step(`offers: ${capabilities.offers.join(', ') || 'nothing'}`);
  const { credentials, auth: choice } = target;
  if (credentials === undefined || choice === 'none')
    return { wire: line, capabilities, tls: secure?.getProtocol() ?? 'none', auth: 'none' };
  const auth = await login(line, { choice, credentials, isEncrypted: secure !== undefined }, capabilities, parts.random);
  step(`logged in as ${credentials.username} (${auth})`);
  return { wire: line, capabilities, tls: secure?.getProtocol() ?? 'none', auth };
}

async function ehlo(line: Wire, hostname: string, isRequired: boolean): Promise<Capabilities> {
  line.queue(Buffer.from(`EHLO ${hostname}\r\n`));
  const reply = await readReply(line, 'ehlo', WAIT.command);
  if (reply.code === 250) return readCapabilities(reply);
  if (isRequired || reply.code === 421) throw new UpstreamFailed('ehlo', `EHLO was refused: ${describeReply(reply)}`, { reply });
  line.queue(Buffer.from(`HELO ${hostname}\r\n`));
  await expect(line, 'ehlo', WAIT.command, 250);
  return NO_CAPABILITIES;
}
