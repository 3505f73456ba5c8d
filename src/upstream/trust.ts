// Whom to believe on the far side: Node's built-in roots and the system's, an own CA, or a pinned key.
// Verification is never off: a pin replaces the chain, it doesn't waive it.

import { createHash, X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
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
// Read where there is no bundle: OpenWrt's and buildroot's packages of single roots, or what an owner put there.
const SYSTEM_FOLDERS = ['/etc/ssl/certs'];

const OLDEST_TLS = 'TLSv1.2';

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
  readonly #folders: readonly string[] | undefined;
  #known: { readonly mark: string; readonly context: SecureContext } | undefined;

  constructor({ ca, pin, bundle, folders }: TrustSettings) {
    this.pin = pin;
    this.#ca = ca;
    this.#bundles = bundle === undefined ? SYSTEM_BUNDLES : [bundle];
    this.#folders = folders;
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
    const places = isOwn ? [] : await findPlaces(this.#bundles, this.#folders);
    const mark = places.map((place) => place.mark).join('\n');
    if (this.#known?.mark === mark) return this.#known.context;
    const context = isOwn
      ? this.#ownContext()
      : createSecureContext({ minVersion: OLDEST_TLS, ca: [...rootCertificates, ...(await read(places))] });
    this.#known = { mark, context };
    return context;
  }

  /**
   * Who names an intermediate authority, or the server's own certificate, trusts it, whoever has signed it (Node 20.18,
   * 22.9).
   */
  #ownContext(): SecureContext {
    return createSecureContext({
      minVersion: OLDEST_TLS,
      ca: this.pin === undefined ? (this.#ca ?? []) : [],
      allowPartialTrustChain: true,
    });
  }
}

/** A file of roots, or a folder of them; `mark` differs once it has changed. */
type Place = { readonly path: string; readonly isFolder: boolean; readonly mark: string };

/**
 * The first of the files that can be looked at, and the folders: those that are given, or the system's where there is
 * no file.
 */
async function findPlaces(files: readonly string[], folders: readonly string[] | undefined): Promise<readonly Place[]> {
  const [file] = await lookAt(files);
  const given = folders ?? (file === undefined ? SYSTEM_FOLDERS : []);
  return [...(file === undefined ? [] : [file]), ...(await lookAt(given))];
}

async function lookAt(paths: readonly string[]): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const path of paths) {
    try {
      const found = await stat(path);
      places.push({ path, isFolder: found.isDirectory(), mark: `${path} ${found.ino} ${found.size} ${found.mtimeMs}` });
    } catch {
      // not this system's place for it
    }
  }
  return places;
}

/** The roots of the places, as PEM. What is no certificate, or can't be read, is left out. */
async function read(places: readonly Place[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const { path, isFolder } of places) {
    // OpenSSL finds roots in a folder by the hash of their name, and so takes no other files.
    if (isFolder) files.push(...(await readdir(path)).filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name)).map((name) => join(path, name)));
    else files.push(path);
  }
  const all = await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => '')));
  return all.filter(isPem);
}

/** Whether it begins with a certificate; what a context can't read would end every attempt to connect. */
function isPem(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
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
