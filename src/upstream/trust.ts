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

// Where Debian, OpenWrt, Alpine, Fedora and buildroot keep the system's roots.
const SYSTEM_BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/**
 * Whom to believe. One for all connections: reading some 280 roots takes ten milliseconds on a desk and more than a MiB
 * that the collector does not see. The system's roots are read again when their file changes, since a board runs for
 * years and roots are exchanged.
 */
export class Trust {
  /** Base64 SHA-256 of the only key that is trusted, if one is pinned. */
  readonly pin: string | undefined;
  readonly #ca: string | undefined;
  readonly #bundles: readonly string[];
  #known: { readonly mark: string; readonly context: SecureContext } | undefined;

  constructor({ ca, pin, bundle }: TrustSettings) {
    this.pin = pin;
    this.#ca = ca;
    this.#bundles = bundle === undefined ? SYSTEM_BUNDLES : [bundle];
  }

  /**
   * TLS options for a connection to `host`, to be used on top of a connected socket. Rejects when the roots can't be
   * read.
   */
  async tlsOptions(host: string): Promise<ConnectionOptions> {
    // With a pin the key alone decides, checked by `isPinned` once the handshake is done and before anything is sent.
    // `rejectUnauthorized` is given in either case: without it NODE_TLS_REJECT_UNAUTHORIZED=0 would switch it off.
    return {
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      secureContext: await this.#context(),
      rejectUnauthorized: this.pin === undefined,
    };
  }

  async #context(): Promise<SecureContext> {
    const isOwn = this.#ca !== undefined || this.pin !== undefined;
    const bundle = isOwn ? undefined : await findBundle(this.#bundles);
    const mark = bundle?.mark ?? '';
    if (this.#known?.mark === mark) return this.#known.context;
    const roots = bundle === undefined ? rootCertificates : [...rootCertificates, await readFile(bundle.path, 'utf8')];
    const context = createSecureContext({ minVersion: 'TLSv1.2', ca: this.pin === undefined ? (this.#ca ?? [...roots]) : [] });
    this.#known = { mark, context };
    return context;
  }
}

/** The first of the files that can be looked at, with a mark that differs once it has changed. */
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
