// The LAN side's certificate. Made once with node-forge, which is loaded only then and parses nothing
// from outside; keys are made by Node's own crypto. RSA, not ECDSA: it is what TLS stacks of old
// devices know at all, and node-forge signs nothing else. It is self-signed: for devices that want TLS and
// don't look at certificates. Those that do need one that the owner gives, or no TLS.

import { constants, createPrivateKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { promisify } from 'node:util';
import type { WallTime } from '../system/clock.ts';
import type { KeyPair } from '../vocabulary/key-pair.ts';

export type TlsSettings = { readonly minimum: '1.0' | '1.1' | '1.2' | '1.3'; readonly own: KeyPair | undefined };

export interface DeviceTls {
  /** What TLS with a device needs; undefined until there is a certificate. */
  context(): SecureContext | undefined;
  /** Makes or renews the certificate if that is due; resolves when it is there. */
  prepare(): Promise<void>;
}

const YEAR = 365 * 86_400_000;
const LIFETIME = 10 * YEAR;
const RENEW_BEFORE = YEAR / 12;
// The board's clock may be wrong at first start: the certificate is valid since long ago.
const NOT_BEFORE = Date.UTC(2020, 0, 1);

export type DeviceTlsParts = {
  readonly folder: string;
  readonly hostname: string;
  readonly settings: TlsSettings;
  readonly wall: () => WallTime;
  readonly fault: (error: unknown) => void;
};

export function createDeviceTls({ folder, hostname, settings, wall, fault }: DeviceTlsParts): DeviceTls {
  const certFile = join(folder, 'device-tls-cert.pem');
  const keyFile = join(folder, 'device-tls-key.pem');
  let current: { readonly context: SecureContext; readonly expires: number } | undefined;
  let preparing: Promise<void> | undefined;

  const use = (pair: KeyPair) => {
    current = {
      // No authorities: devices show no certificates, and Node 20 would read all the roots for nobody.
      context: createSecureContext({ ...protocolOptions(settings.minimum), ...pair, ca: [] }),
      expires: Date.parse(new X509Certificate(pair.cert).validTo),
    };
  };
  const isDue = () => current === undefined || (settings.own === undefined && wall() > current.expires - RENEW_BEFORE);

  async function make(): Promise<void> {
    if (settings.own !== undefined) return use(settings.own);
    const kept = await readPair(certFile, keyFile);
    if (kept !== undefined && wall() <= Date.parse(new X509Certificate(kept.cert).validTo) - RENEW_BEFORE) return use(kept);
    const made = await selfSigned(hostname, ownAddresses(), Math.max(wall(), NOT_BEFORE) + LIFETIME);
    await writePrivately(keyFile, made.key);
    await writePrivately(certFile, made.cert);
    use(made);
  }

  const prepare = () => {
    if (!isDue()) return Promise.resolve();
    preparing ??= make()
      .catch(fault) // devices go on without TLS, and this is tried again at the next session
      .finally(() => {
        preparing = undefined;
      });
    return preparing;
  };

  return {
    context() {
      if (isDue()) void prepare();
      return current?.context;
    },
    prepare,
  };
}

/**
 * TLS before 1.2 needs ciphers and signatures that OpenSSL admits at security level 0 only, and some devices know
 * no key exchange but DHE. A device that renegotiates again and again would cost a key exchange each time: nothing
 * needs it, and Node's own limit is in tls.Server, which there is none of here.
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
    // A file that was cut short, or emptied, by a power cut is made anew. (createSecureContext takes empty ones.)
    return new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key)) ? pair : undefined;
  } catch {
    return undefined;
  }
}

/** Mode 0600 from the first moment, and never half written under its name: on flash before it gets that. */
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
