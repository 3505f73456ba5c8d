// Certificates for tests and the demonstration: keys by Node's crypto, certificates by node-forge.

import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import forge from 'node-forge';

/** A certificate and its private key, as PEM. */
export type Certificate = {
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the public key (SubjectPublicKeyInfo), as base64. */
  readonly pin: string;
  /** The newest TLS that a server with it speaks. */
  readonly newest?: 'TLSv1.2';
};

type CertificateOptions = {
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Who signs it; itself when absent. */
  readonly issuer?: Pick<Certificate, 'cert' | 'key'>;
};

/**
 * Environment under which the system's own roots, and this certificate beside them, are believed: the relay's default
 * trust. Writes a file into `folder`.
 */
export function trustedBySystem(certificate: { readonly cert: string }, folder: string): { readonly SSL_CERT_FILE: string } {
  const system = '/etc/ssl/certs/ca-certificates.crt';
  const path = join(folder, 'roots.pem');
  writeFileSync(path, `${existsSync(system) ? readFileSync(system, 'utf8') : rootCertificates.join('\n')}\n${certificate.cert}`);
  return { SSL_CERT_FILE: path };
}

const DAY = 86_400_000;

/** A self-signed certificate, its own authority; or one that `issuer` has signed. */
export function selfSigned(options: CertificateOptions = {}): Certificate {
  const {
    names = ['localhost'],
    addresses = ['127.0.0.1'],
    notBefore = new Date(Date.now() - DAY),
    notAfter = new Date(Date.now() + 30 * DAY),
    issuer,
  } = options;
  const { privateKey: key } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const privateKey = forge.pki.privateKeyFromPem(key);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e);
  certificate.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(8))}`;
  certificate.validity.notBefore = notBefore;
  certificate.validity.notAfter = notAfter;
  const subject = [{ name: 'commonName', value: names[0] ?? 'localhost' }];
  certificate.setSubject(subject);
  certificate.setIssuer(issuer === undefined ? subject : forge.pki.certificateFromPem(issuer.cert).subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true },
    { name: 'subjectAltName', altNames: [...names.map((value) => ({ type: 2, value })), ...addresses.map((ip) => ({ type: 7, ip }))] },
  ]);
  certificate.sign(issuer === undefined ? privateKey : forge.pki.privateKeyFromPem(issuer.key), forge.md.sha256.create());
  const cert = forge.pki.certificateToPem(certificate);
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return { cert, key, pin: createHash('sha256').update(spki).digest('base64') };
}
