// Whom to believe on the far side: Node's built-in roots and the system's, an own CA, or a pinned key.
// Verification is never off: a pin replaces the chain, it doesn't waive it.

import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, type PeerCertificate, rootCertificates, type TLSSocket } from 'node:tls';

export type Trust = {
  /** PEM bundle that replaces the roots. */
  readonly ca: string | undefined;
  /** Base64 SHA-256 of the certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4). */
  readonly pin: string | undefined;
};

// Where Debian, OpenWrt, Alpine, Fedora and buildroot keep the system's roots.
const SYSTEM_BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/** TLS options for a connection to `host`, to be used on top of a connected socket. Reads the system's roots once it is called. */
export async function tlsOptions(host: string, trust: Trust): Promise<ConnectionOptions> {
  const common: ConnectionOptions = { minVersion: 'TLSv1.2', ...(isIP(host) === 0 ? { servername: host } : {}), host };
  // With a pin the key alone decides, checked by `isPinned` once the handshake is done and before anything is sent.
  if (trust.pin !== undefined) return { ...common, rejectUnauthorized: false };
  return { ...common, ca: trust.ca === undefined ? await roots() : trust.ca };
}

let known: Promise<string[]> | undefined;

function roots(): Promise<string[]> {
  known ??= systemRoots().then((bundle) => (bundle === undefined ? [...rootCertificates] : [...rootCertificates, bundle]));
  return known;
}

async function systemRoots(): Promise<string | undefined> {
  for (const path of SYSTEM_BUNDLES) {
    try {
      return await readFile(path, 'utf8');
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
