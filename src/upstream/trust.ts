// Whom to believe on the far side: Node's built-in roots and the system's, an own CA, or a pinned key.
// Verification is never off: a pin replaces the chain, it doesn't waive it.

import { createHash, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import {
  type ConnectionOptions,
  createSecureContext,
  type PeerCertificate,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { TrustSettings } from '../vocabulary/trust-settings.ts';

export interface Trust {
  readonly pin: string | undefined;
  /** TLS options for a connection to `host`, to be used on top of a connected socket. */
  tlsOptions(host: string): Promise<ConnectionOptions>;
}

// Where Debian, OpenWrt, Alpine, Fedora and buildroot keep the system's roots.
const SYSTEM_BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/**
 * One for all connections: reading some 280 roots takes ten milliseconds on a desk and more than a MiB that the
 * collector does not see, and each connection used to do it anew. The system's roots are read again when their file
 * changes, since a board runs for years and roots are exchanged.
 */
export function createTrust({ ca, pin, bundle: given }: TrustSettings): Trust {
  const bundles = given === undefined ? SYSTEM_BUNDLES : [given];
  let known: { readonly mark: string; readonly context: SecureContext } | undefined;

  async function context(): Promise<SecureContext> {
    const isOwn = ca !== undefined || pin !== undefined;
    const bundle = isOwn ? undefined : await findBundle(bundles);
    const mark = bundle?.mark ?? '';
    if (known?.mark !== mark) {
      const roots = bundle === undefined ? rootCertificates : [...rootCertificates, await readFile(bundle.path, 'utf8')];
      known = { mark, context: createSecureContext({ minVersion: 'TLSv1.2', ca: pin !== undefined ? [] : (ca ?? [...roots]) }) };
    }
    return known.context;
  }

  return {
    pin,
    async tlsOptions(host) {
      // With a pin the key alone decides, checked by `isPinned` once the handshake is done and before anything is sent.
      // Said in either case: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would be obeyed where nothing is.
      return {
        host,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        secureContext: await context(),
        rejectUnauthorized: pin === undefined,
      };
    },
  };
}

/** The first of the files that can be looked at, with what changes when it does. */
async function findBundle(paths: readonly string[]): Promise<{ readonly path: string; readonly mark: string } | undefined> {
  for (const path of paths) {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      return { path, mark: `${path} ${ino} ${size} ${mtimeMs}` };
    } catch {
      // not this system's place for it
    }
  }
  return undefined;
}

function spkiSha256(certificate: PeerCertificate): string {
  const key = new X509Certificate(certificate.raw).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

/** Whether the peer's key is the pinned one. */
export function isPinned(socket: TLSSocket, pin: string): boolean {
  const certificate = socket.getPeerCertificate();
  return certificate.raw !== undefined && spkiSha256(certificate) === pin;
}
