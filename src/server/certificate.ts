// The LAN side's certificate. It is made once with node-forge, which is loaded only then and parses nothing that comes
// from outside; keys are made by Node's own crypto. The key is RSA, not ECDSA, since the TLS stacks of old devices know
// nothing else, and node-forge signs with nothing else. The certificate is self-signed, for devices that want TLS and
// do not check certificates. Devices that check them need a certificate from the owner, or no TLS.

import { constants, createPrivateKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { promisify } from 'node:util';
import type { WallTime } from '../system/clock.ts';
import type { KeyPair } from '../vocabulary/key-pair.ts';
import type { TlsContexts } from './tls.ts';

/** `own`: the owner's certificate and key; undefined for one that the relay makes. */
export type TlsSettings = { readonly minimum: '1.0' | '1.1' | '1.2' | '1.3'; readonly own: KeyPair | undefined };

const YEAR = 365 * 86_400_000;
const LIFETIME = 10 * YEAR;
const RENEW_BEFORE = YEAR / 12;
// The board's clock may be wrong at its first start, so the certificate is valid from a date that is long past.
const NOT_BEFORE = Date.UTC(2020, 0, 1);

/** What a certificate is made of and kept in. */
type DeviceTlsParts = {
  /** Where a certificate that the relay makes is kept, in two files. */
  readonly folder: string;
  readonly hostname: string;
  readonly settings: TlsSettings;
  readonly wall: () => WallTime;
  /** Called with what kept a certificate from being made or read. */
  readonly fault: (error: unknown) => void;
};

/** The LAN side's certificate, from the owner or made here. Until it is there, devices go on without TLS. */
export class DeviceTls implements TlsContexts {
  readonly #parts: DeviceTlsParts;
  readonly #certFile: string;
  readonly #keyFile: string;
  #current: { readonly context: SecureContext; readonly expires: number } | undefined;
  #preparing: Promise<void> | undefined;

  constructor(parts: DeviceTlsParts) {
    this.#parts = parts;
    this.#certFile = join(parts.folder, 'device-tls-cert.pem');
    this.#keyFile = join(parts.folder, 'device-tls-key.pem');
  }

  /** An old certificate serves until the new one is there. */
  get context(): SecureContext | undefined {
    return this.#current?.context;
  }

  /** Cheap when nothing is due. Called before each session, so that what failed is tried again. */
  prepare(): Promise<void> {
    if (!this.#isDue()) return Promise.resolve();
    this.#preparing ??= this.#make()
      .catch(this.#parts.fault)
      .finally(() => {
        this.#preparing = undefined;
      });
    return this.#preparing;
  }

  #isDue(): boolean {
    if (this.#current === undefined) return true;
    return this.#parts.settings.own === undefined && this.#isExpiring(this.#current.expires);
  }

  #isExpiring(expires: number): boolean {
    return this.#parts.wall() > expires - RENEW_BEFORE;
  }

  async #make(): Promise<void> {
    const { hostname, settings, wall } = this.#parts;
    if (settings.own !== undefined) return this.#use(settings.own);
    const kept = await readPair(this.#certFile, this.#keyFile);
    if (kept !== undefined && !this.#isExpiring(expiryOf(kept))) return this.#use(kept);
    const made = await selfSigned(hostname, ownAddresses(), Math.max(wall(), NOT_BEFORE) + LIFETIME);
    await writePrivately(this.#keyFile, made.key);
    await writePrivately(this.#certFile, made.cert);
    this.#use(made);
  }

  #use(pair: KeyPair): void {
    this.#current = {
      // No authorities: devices present no certificates, and Node 20 would read all its root certificates in vain.
      context: createSecureContext({ ...protocolOptions(this.#parts.settings.minimum), ...pair, ca: [] }),
      expires: expiryOf(pair),
    };
  }
}

const expiryOf = ({ cert }: KeyPair): number => Date.parse(new X509Certificate(cert).validTo);

/**
 * TLS before 1.2 needs ciphers and signatures that OpenSSL permits at security level 0 only, and some devices know no
 * key exchange but DHE. Renegotiation is switched off: no device needs it, each one would cost a key exchange, and
 * Node's own limit is in tls.Server, which is not used here.
 */
function protocolOptions(minimum: TlsSettings['minimum']): SecureContextOptions {
  const common = { secureOptions: constants.SSL_OP_NO_RENEGOTIATION };
  if (minimum === '1.3') return { ...common, minVersion: 'TLSv1.3' };
  if (minimum === '1.2') return { ...common, minVersion: 'TLSv1.2' };
  return { ...common, minVersion: minimum === '1.1' ? 'TLSv1.1' : 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0', dhparam: 'auto' };
}

async function readPair(certFile: string, keyFile: string): Promise<KeyPair | undefined> {
  try {
    const pair = { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
    // Files that a power cut has cut short or emptied are made anew. (createSecureContext accepts empty ones.)
    return new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key)) ? pair : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a file that has mode 0600 from the first moment, and gets its name only once its text is on the flash. */
async function writePrivately(path: string, text: string): Promise<void> {
  await rm(`${path}.new`, { force: true });
  const file = await open(`${path}.new`, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  return [...new Set(all.map(({ address }) => address.replace(/%.*$/, '')))].filter((address) => isIP(address) !== 0);
}

async function selfSigned(hostname: string, addresses: readonly string[], notAfter: number): Promise<KeyPair> {
  const { default: forge } = await import('node-forge');
  const { privateKey: key } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const { pki } = forge;
  const signer = pki.privateKeyFromPem(key);
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.setRsaPublicKey(signer.n, signer.e);
  certificate.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(15))}`;
  certificate.validity.notBefore = new Date(NOT_BEFORE);
  certificate.validity.notAfter = new Date(notAfter);
  const name = [{ name: 'commonName', value: hostname.slice(0, 64) }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  const names = [...new Set([hostname, `${hostname.split('.')[0] ?? hostname}.local`, 'localhost'])];
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: [...names.map((value) => ({ type: 2, value })), ...addresses.map((ip) => ({ type: 7, ip }))] },
  ]);
  certificate.sign(signer, forge.md.sha256.create());
  return { cert: pki.certificateToPem(certificate), key };
}
