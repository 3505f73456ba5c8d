// An upstream that others wrote (the smtp-server package): insists on STARTTLS and AUTH, and keeps what it gets.

import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type Certificate, selfSigned } from './certificate.ts';

type Delivered = { readonly from: string; readonly to: readonly string[]; readonly data: Buffer; readonly user: string | undefined };

/** The running server; it takes any message, from whoever logs in as `USER` with `PASSWORD`. */
export type LibraryUpstream = {
  readonly port: number;
  readonly certificate: Certificate;
  readonly delivered: Delivered[];
  /** Resolves with the messages once there are `count`. */
  waitFor(count: number): Promise<readonly Delivered[]>;
  /** Resolves once the last connection has ended. */
  close(): Promise<void>;
};

/** The only account. */
export const USER = 'alerts@example.org';
export const PASSWORD = 'correct horse';

type LibraryUpstreamOptions = {
  readonly port?: number;
  readonly certificate?: Certificate;
  readonly server?: SMTPServerOptions;
  /** Called at the events that a demonstration wants to show. */
  readonly shown?: (what: string) => void;
};

/** Starts it on a port of loopback. */
export async function libraryUpstream(options: LibraryUpstreamOptions = {}): Promise<LibraryUpstream> {
  const certificate = options.certificate ?? selfSigned();
  const delivered: Delivered[] = [];
  let waiting: { count: number; resolve: (all: readonly Delivered[]) => void }[] = [];
  const show = options.shown ?? (() => {});
  const server = new SMTPServer({
    key: certificate.key,
    cert: certificate.cert,
    authMethods: ['PLAIN', 'LOGIN'],
    allowInsecureAuth: false,
    onSecure(_socket, _session, done) {
      show('STARTTLS');
      done();
    },
    onAuth(auth, _session, done) {
      const isRight = auth.username === USER && auth.password === PASSWORD;
      show(isRight ? `AUTH ${auth.method} as ${auth.username}` : 'AUTH refused');
      if (isRight) done(null, { user: auth.username ?? '' });
      else done(new Error('Invalid username or password'));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const from = session.envelope.mailFrom;
        delivered.push({
          from: from === false ? '' : from.address,
          to: session.envelope.rcptTo.map(({ address }) => address),
          data: Buffer.concat(chunks),
          user: session.user,
        });
        done(null, 'taken');
        waiting = waiting.filter(({ count, resolve }) => {
          if (delivered.length >= count) resolve(delivered);
          return delivered.length < count;
        });
      });
    },
    ...options.server,
  });
  server.on('error', () => {}); // a client that went away
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    certificate,
    delivered,
    waitFor: (count) =>
      delivered.length >= count ? Promise.resolve(delivered) : new Promise((resolve) => waiting.push({ count, resolve })),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
