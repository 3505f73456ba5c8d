import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import { DeviceTls, type TlsSettings } from '../../src/server/certificate.ts';
import type { WallTime } from '../../src/system/clock.ts';
import { temporaryFolder } from '../support/folders.ts';

const NOW = Date.UTC(2026, 10, 24);
const YEAR = 365 * 86_400_000;

function setUp(folder: string, options: { now?: () => number; settings?: Partial<TlsSettings> } = {}) {
  const faults: unknown[] = [];
  const tls = new DeviceTls({
    folder,
    hostname: 'gate.example',
    settings: { minimum: '1.2', own: undefined, ...options.settings },
    wall: () => (options.now?.() ?? NOW) as WallTime,
    fault: (error) => void faults.push(error),
  });
  return { tls, faults, certificate: () => new X509Certificate(readFileSync(join(folder, 'device-tls-cert.pem'))) };
}

test('made once, kept with mode 0600, used again', async () => {
  const folder = temporaryFolder();
  const first = setUp(folder);
  expect(first.tls.context).toBeUndefined();
  await first.tls.prepare();
  expect(first.tls.context).toBeDefined();
  const made = first.certificate();
  expect(made.subjectAltName).toMatch(/DNS:gate\.example, DNS:gate\.local, DNS:localhost, IP Address:127\.0\.0\.1/);
  expect(made.checkHost('gate.example')).toBe('gate.example');
  expect(Date.parse(made.validFrom)).toBeLessThan(Date.UTC(2021, 0, 1));
  for (const name of ['device-tls-cert.pem', 'device-tls-key.pem']) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  const second = setUp(folder);
  await second.tls.prepare();
  expect(second.certificate().fingerprint256).toBe(made.fingerprint256);
});

test('renewed before it expires, while the relay runs', async () => {
  const folder = temporaryFolder();
  let now = NOW;
  const { tls, certificate } = setUp(folder, { now: () => now });
  await tls.prepare();
  const before = certificate().fingerprint256;
  now += 10 * YEAR - 20 * 86_400_000;
  const renewed = tls.prepare();
  expect(tls.context).toBeDefined(); // the old one serves until the new one is there
  await renewed;
  expect(certificate().fingerprint256).not.toBe(before);
});

test('a clock at 1970 makes a certificate that is valid in 2026', async () => {
  const folder = temporaryFolder();
  const { tls, certificate } = setUp(folder, { now: () => 5_000 });
  await tls.prepare();
  expect(Date.parse(certificate().validTo)).toBeGreaterThan(Date.UTC(2029, 0, 1));
});

test.each([
  ['device-tls-key.pem', '-----BEGIN'],
  ['device-tls-key.pem', ''],
  ['device-tls-cert.pem', ''],
  ['device-tls-key.pem', selfSigned().key],
])('files that a power cut has left in pieces are made anew: %s', async (name, left) => {
  const folder = temporaryFolder();
  await setUp(folder).tls.prepare();
  writeFileSync(join(folder, name), left);
  const { tls, faults } = setUp(folder);
  await tls.prepare();
  expect(tls.context).toBeDefined();
  expect(faults).toEqual([]);
});

test("the owner's files are used as they are", async () => {
  const folder = temporaryFolder();
  const { tls, certificate } = setUp(folder, { settings: { own: selfSigned() } });
  await tls.prepare();
  expect(tls.context).toBeDefined();
  expect(certificate).toThrow(/ENOENT/);
});

test('a folder that can not be written is reported, and costs only TLS', async () => {
  const { tls, faults } = setUp('/nonexistent/folder');
  await tls.prepare();
  expect(tls.context).toBeUndefined();
  expect(faults.length).toBeGreaterThan(0);
});
