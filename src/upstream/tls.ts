// TLS on top of an open socket, verified before anything is sent over it. The session ticket that the server hands out
// is kept for the next connection, which then costs a slow board no signature check (RFC 8446, section 2.2).

import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { printable } from '../smtp/printable.ts';
import type { Clock } from '../system/clock.ts';
import { opened } from '../system/opening.ts';
import type { UpstreamFailure } from '../vocabulary/attempt.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import type { OnOpened } from './dial.ts';
import { UpstreamFailed, WAIT } from './dialogue.ts';
import { isPinned, type Trust } from './trust.ts';

/** The last session ticket of one upstream; never leaves the memory. */
export type TlsMemory = { session: Buffer | undefined };

type TlsParts = {
  readonly clock: Clock;
  readonly trust: Trust;
  readonly memory: TlsMemory;
  /** Given the TLS socket before its handshake. */
  readonly onOpened: OnOpened;
};

/** The connection under TLS, its certificate verified; rejects with UpstreamFailed. */
export async function connectTls(socket: Duplex, target: UpstreamTarget, parts: TlsParts): Promise<TLSSocket> {
  const { clock, memory, trust, onOpened } = parts;
  const options = await trust.tlsOptions(target.host);
  const trying = connect({ ...options, socket, ...(memory.session === undefined ? {} : { session: memory.session }) });
  onOpened(trying);
  // Once the verification has failed the socket is closed, and knows its certificate no more.
  let certificate = '';
  trying.prependOnceListener('secure', () => {
    if (trust.pin === undefined && !trying.isSessionReused()) certificate = describeCertificate(trying);
  });
  const secure = await opened(trying, 'secureConnect', WAIT.tls, clock).catch((error: NodeJS.ErrnoException) => {
    memory.session = undefined; // it may be what the server can't bear: the next handshake is a full one
    throw new UpstreamFailed('tls', describe(error, target, certificate), { cause: causeOf(error) });
  });
  // A resumed session may come without a certificate. Only a server that was trusted before can resume it: see below.
  if (trust.pin !== undefined && !secure.isSessionReused() && !isPinned(secure, trust.pin)) {
    secure.on('error', () => {}).destroy();
    throw new UpstreamFailed('tls', "the server's key is not the one of GATEPOST_UPSTREAM_PIN");
  }
  secure.on('session', (session) => {
    memory.session = session;
  });
  // Before TLS 1.3 the ticket is part of the handshake, and has come.
  if (secure.getProtocol() === 'TLSv1.2') memory.session = secure.getSession();
  return secure;
}

/** The certificate for people: whose it is, who signed it, until when. */
export function describeCertificate(secure: TLSSocket): string {
  const { subject, issuer, valid_to: until } = secure.getPeerCertificate();
  const name = (one: typeof subject | undefined) => printable([one?.CN ?? one?.O ?? '?'].flat().join(', '));
  return `certificate of ${name(subject)}, signed by ${name(issuer)}, valid until ${until}`;
}

function causeOf({ code }: NodeJS.ErrnoException): UpstreamFailure['cause'] {
  return code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED' ? 'clock' : 'plain';
}

/** `certificate`: whose it is and who signed it; '' where none came. */
function describe(error: NodeJS.ErrnoException, target: UpstreamTarget, certificate: string): string {
  switch (error.code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate is not for ${target.host}: ${printable(error.message)} (${certificate})`;
    case 'CERT_HAS_EXPIRED':
      return "the server's certificate has expired";
    case 'CERT_NOT_YET_VALID':
      return "the server's certificate is not yet valid";
    case 'UNABLE_TO_GET_ISSUER_CERT':
      return (
        `GATEPOST_UPSTREAM_CA has an intermediate certificate authority without its root, and Node ${process.versions.node} needs the root ` +
        `(${error.code}; ${certificate})`
      );
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `the server's certificate is signed by nobody this board trusts (${error.code}): ${certificate}`;
    case 'ETIMEDOUT':
      return 'the TLS handshake failed: the handshake took too long';
    case 'ECONNABORTED':
      return 'the TLS handshake failed: the server closed the connection during the handshake';
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return `the TLS handshake failed: the server does not answer in TLS (${error.code})`;
    default:
      return `the TLS handshake failed: ${printable(error.message)}`;
  }
}
