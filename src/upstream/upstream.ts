// An upstream: connections made when they are needed, kept for the next message, closed when idle.

import type { Mailbox } from '../smtp/address.ts';
import { withoutNotifications } from '../smtp/envelope.ts';
import type { Cancel } from '../system/clock.ts';
import type { Attempt, UpstreamFailure } from '../vocabulary/attempt.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import type { Capabilities } from './capabilities.ts';
import { type Connection, type ConnectParts, connect } from './connect.ts';
import { readReply, WAIT } from './dialogue.ts';
import type { TlsMemory } from './tls.ts';
import { type Message, transact } from './transaction.ts';

export interface Upstream {
  readonly name: string;
  /** Hands a message over. Never rejects for what the upstream does; `stop` cuts it short. */
  send(message: Message, stop: AbortSignal): Promise<Attempt>;
  /** Connects, without logging in, to see what the upstream offers now; never rejects. */
  probe(): Promise<void>;
  /** Says QUIT on all idle connections. */
  close(): Promise<void>;
}

export type UpstreamParts = Omit<ConnectParts, 'memory'> & {
  readonly tell: Tell;
  /** Whether notifications may go to that sender: else the upstream is asked to send none. */
  readonly mayBeTold: (sender: Mailbox) => boolean;
  /** Told at every connection what the upstream offers. */
  readonly learn: (capabilities: Capabilities) => void;
};

// How long a connection waits for the next message. Servers wait for minutes, but providers count connections.
const IDLE = 10_000;

type Idle = { readonly connection: Connection; readonly needsReset: boolean; readonly cancel: Cancel };

export function createUpstream(target: UpstreamTarget, parts: UpstreamParts): Upstream {
  const name = formatEndpoint(target);
  const memory: TlsMemory = { session: undefined };
  let idle: Idle[] = [];
  let refusesChunks = false;

  async function open(stop: AbortSignal): Promise<Connection | UpstreamFailure> {
    const opened = await connect(target, { ...parts, memory }, stop);
    if ('scope' in opened) return opened;
    const made = refusesChunks ? { ...opened, capabilities: { ...opened.capabilities, chunking: false } } : opened;
    const { tls, auth, capabilities } = made;
    parts.learn(capabilities);
    parts.tell('upstreamConnected', { upstream: name, tls, auth, sizeLimit: capabilities.sizeLimit });
    return made;
  }

  function keep(connection: Connection, needsReset: boolean): void {
    const one: Idle = {
      connection,
      needsReset,
      cancel: parts.clock.after(IDLE, () => {
        idle = idle.filter((other) => other !== one);
        void quit(connection);
      }),
    };
    idle.push(one);
  }

  /** A kept connection that still lives. */
  async function reuse(): Promise<Connection | undefined> {
    for (let one = idle.pop(); one !== undefined; one = idle.pop()) {
      one.cancel();
      const { wire } = one.connection;
      if (!wire.isClosed && !wire.hasUnread() && (!one.needsReset || (await reset(one.connection)))) return one.connection;
      wire.destroy();
    }
    return undefined;
  }

  async function sendOver(connection: Connection, message: Message, stop: AbortSignal): Promise<Attempt> {
    const cut = () => connection.wire.destroy();
    stop.addEventListener('abort', cut, { once: true });
    try {
      const { attempt, reusable, ...found } = await transact(connection, message);
      if (found.refusesChunks === true) refusesChunks = true; // the next attempt goes by DATA
      if (reusable === 'no' || stop.aborted) connection.wire.destroy();
      else keep(connection, reusable === 'after-reset');
      return attempt;
    } catch (error) {
      connection.wire.destroy(); // the spool failed amid the data: the upstream must not take the half for the whole
      throw error;
    } finally {
      stop.removeEventListener('abort', cut);
    }
  }

  async function sendOne(message: Message, stop: AbortSignal): Promise<Attempt> {
    const kept = await reuse();
    if (kept !== undefined) {
      const attempt = await sendOver(kept, message, stop);
      // The server may have closed it just now; that is no sickness. Nothing of the message was read before MAIL is answered.
      if (attempt.result === 'answered' || attempt.failure.stage !== 'mail' || attempt.failure.reply !== undefined || stop.aborted)
        return attempt;
    }
    const made = await open(stop);
    if ('scope' in made) return { result: 'no-answer', failure: made, maybeDelivered: false };
    return sendOver(made, message, stop);
  }

  return {
    name,
    async send(message, stop) {
      const { envelope } = message;
      if (envelope.reversePath === null || parts.mayBeTold(envelope.reversePath)) return sendOne(message, stop);
      const attempt = await sendOne({ ...message, envelope: withoutNotifications(envelope) }, stop);
      return attempt.result === 'answered' ? { ...attempt, notifies: false } : attempt;
    },
    async probe() {
      const opened = await connect({ ...target, credentials: undefined }, { ...parts, memory }, new AbortController().signal);
      if ('scope' in opened) return;
      parts.learn(opened.capabilities);
      await quit(opened);
    },
    async close() {
      const all = idle;
      idle = [];
      await Promise.all(
        all.map(({ connection, cancel }) => {
          cancel();
          return quit(connection);
        }),
      );
    },
  };
}

async function reset({ wire }: Connection): Promise<boolean> {
  try {
    wire.queue(Buffer.from('RSET\r\n'));
    return (await readReply(wire, 'mail', WAIT.command)).code === 250;
  } catch {
    return false; // gone; a new one is made
  }
}

async function quit({ wire }: Connection): Promise<void> {
  try {
    wire.queue(Buffer.from('QUIT\r\n'));
    await readReply(wire, 'mail', WAIT.quit);
  } catch {
    // gone already, or rude: it is closed all the same
  }
  await wire.close();
}
