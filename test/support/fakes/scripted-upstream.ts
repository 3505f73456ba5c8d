// An upstream that follows a script, right or wrong: a function for each connection, over real sockets on
// loopback, with line reading, STARTTLS and raw writes.

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { type Certificate, selfSigned } from '../../../scripts/lib/certificate.ts';

/** The server's side of one connection, as a script uses it. */
export interface Peer {
  /** The next line, without its end; undefined when the client has closed. */
  line(): Promise<string | undefined>;
  /** Lines up to a lone dot; undefined when the client closes before it. */
  data(): Promise<string | undefined>;
  /** Sends text as it is. */
  raw(text: string): void;
  /** Sends lines. */
  say(...lines: string[]): void;
  /** Goes over to TLS, as the server. */
  secure(certificate: Certificate): Promise<void>;
  /** Closes with a reset. */
  reset(): void;
  /** Closes in order. */
  end(): void;
  readonly isSecure: boolean;
  /** Whether the TLS session was one that had been made before. */
  isResumed(): boolean;
}

/** The listening server. */
export type ScriptedUpstream = {
  readonly port: number;
  /** The lines that clients sent, in order, `| ` before what came under TLS. */
  readonly heard: string[];
  /** How many there were so far. */
  readonly connections: () => number;
  /** Ends all connections, and the server. */
  close(): Promise<void>;
};

/**
 * Starts one at a free port of loopback, unless another place is asked for; `script` serves each connection, and is
 * given its number.
 */
export async function scriptedUpstream(
  script: (peer: Peer, connection: number) => Promise<void>,
  { host, port }: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<ScriptedUpstream> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    count += 1;
    script(peerOver(socket, heard), count).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    connections: () => count,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function peerOver(socket: Socket, heard: string[]): Peer {
  let stream: Socket = socket;
  let isSecure = false;
  let buffered = '';
  let hasEnded = false;
  let wake = () => {};
  const listen = () => {
    stream.on('data', (chunk: Buffer) => {
      buffered += chunk.toString('latin1');
      wake();
    });
    for (const event of ['end', 'close', 'error']) {
      stream.on(event, () => {
        hasEnded = true;
        wake();
      });
    }
  };
  listen();
  const peer: Peer = {
    async line() {
      for (;;) {
        const end = buffered.indexOf('\r\n');
        if (end >= 0) {
          const line = buffered.slice(0, end);
          buffered = buffered.slice(end + 2);
          heard.push((isSecure ? '| ' : '') + line);
          return line;
        }
        if (hasEnded) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async data() {
      const lines: string[] = [];
      for (let line = await peer.line(); line !== '.'; line = await peer.line()) {
        if (line === undefined) return undefined;
        lines.push(line);
      }
      return lines.map((line) => `${line}\r\n`).join('');
    },
    raw: (text) => void stream.write(text, 'latin1'),
    say: (...lines) => void stream.write(lines.map((line) => `${line}\r\n`).join('')),
    async secure(certificate) {
      socket.removeAllListeners('data');
      const secure = new TLSSocket(socket, {
        isServer: true,
        secureContext: contextOf(certificate),
      });
      stream = secure;
      isSecure = true;
      await new Promise<void>((resolve, reject) => {
        secure.once('secure', () => resolve());
        secure.once('error', reject);
        socket.once('close', () => reject(new Error('closed')));
      });
      listen();
    },
    reset: () => void socket.resetAndDestroy(),
    end: () => void stream.end(),
    isResumed: () => stream instanceof TLSSocket && stream.isSessionReused(),
    get isSecure() {
      return isSecure;
    },
  };
  return peer;
}

const contexts = new Map<string, SecureContext>();

/** One context a certificate, so that a session can be resumed at a later connection. */
function contextOf(certificate: Certificate): SecureContext {
  const { key, cert, newest } = certificate;
  const name = `${newest} ${cert}`;
  const context = contexts.get(name) ?? createSecureContext({ key, cert, ...(newest === undefined ? {} : { maxVersion: newest }) });
  contexts.set(name, context);
  return context;
}

export const CERTIFICATE = selfSigned();

/** How a well-behaved upstream differs from the default. */
export type Behaviour = {
  /** Keywords of EHLO, before and after STARTTLS. */
  readonly offers?: readonly string[];
  readonly offersSecure?: readonly string[];
  /** What is answered to a command, by its first word; the default is the polite answer. */
  readonly answers?: Readonly<Record<string, (line: string) => string | undefined>>;
  readonly certificate?: Certificate;
  /** Answers AUTH, given the initial response if there is one. */
  readonly exchange?: (response: string | undefined) => Promise<void>;
  /** What comes after the data. */
  readonly afterDot?: (data: string, peer: Peer) => string | undefined;
};

/** A well-behaved upstream, but for what `behaviour` says. An answer of undefined means: hang up. */
export async function politeUpstream(peer: Peer, behaviour: Behaviour = {}): Promise<void> {
  peer.say('220 up.example ESMTP');
  for (let line = await peer.line(); line !== undefined; line = await peer.line()) {
    const verb = line.split(/[ :]/)[0]?.toUpperCase() ?? '';
    const own = behaviour.answers?.[verb];
    if (own !== undefined) {
      const answer = own(line);
      if (answer === undefined) return peer.reset();
      peer.raw(answer);
      if (!(verb === 'DATA' && answer.startsWith('354'))) continue;
    }
    switch (verb) {
      case 'EHLO': {
        const offers = peer.isSecure
          ? (behaviour.offersSecure ?? ['PIPELINING', 'SIZE 100000', '8BITMIME', 'AUTH PLAIN LOGIN'])
          : (behaviour.offers ?? ['STARTTLS', 'PIPELINING']);
        peer.say('250-up.example', ...offers.map((keyword, at) => `250${at === offers.length - 1 ? ' ' : '-'}${keyword}`));
        break;
      }
      case 'STARTTLS':
        peer.say('220 go ahead');
        await peer.secure(behaviour.certificate ?? CERTIFICATE);
        break;
      case 'AUTH':
        if (behaviour.exchange !== undefined) {
          await behaviour.exchange(line.split(' ')[2]);
          break;
        }
        if (line.toUpperCase() === 'AUTH LOGIN') {
          peer.say('334 VXNlcm5hbWU6');
          await peer.line();
          peer.say('334 UGFzc3dvcmQ6');
          await peer.line();
        }
        peer.say('235 2.7.0 ok');
        break;
      case 'DATA': {
        if (own === undefined) peer.say('354 go');
        const data = await peer.data();
        if (data === undefined) return;
        const answer = behaviour.afterDot === undefined ? '250 2.0.0 taken' : behaviour.afterDot(data, peer);
        if (answer === undefined) return peer.reset();
        peer.say(answer);
        break;
      }
      case 'QUIT':
        peer.say('221 bye');
        return peer.end();
      default:
        peer.say('250 2.0.0 ok');
    }
  }
  peer.end();
}
