// Whom the relay believes on the far side: chains that end in what is configured, and where the system's roots are read.

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import { systemClock } from '../../src/system/clock.ts';
import { connectTls } from '../../src/upstream/tls.ts';
import { Trust } from '../../src/upstream/trust.ts';
import type { TrustSettings } from '../../src/vocabulary/trust-settings.ts';
import { type ScriptedUpstream, scriptedUpstream } from '../support/fakes/scripted-upstream.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const ROOT = selfSigned({ names: ['Example Root'] });
const INTERMEDIATE = selfSigned({ names: ['Example Intermediate'], issuer: ROOT });
const LEAF = selfSigned({ issuer: INTERMEDIATE });

const NOTHING = { ca: undefined, pin: undefined, bundle: '/nonexistent' };

/** Shakes hands with a server that has the certificate of LEAF and sends these with it. */
async function handshake(settings: TrustSettings, sent: readonly string[] = []): Promise<string> {
  const server: ScriptedUpstream = await scriptedUpstream((peer) => peer.secure({ ...LEAF, cert: [LEAF.cert, ...sent].join('\n') }));
  ends.push(() => server.close());
  const socket = connectTcp(server.port, '127.0.0.1');
  const target = { security: 'tls', host: 'localhost', port: server.port, credentials: undefined, auth: 'auto' } as const;
  try {
    const secure = await connectTls(socket, target, {
      clock: systemClock,
      trust: new Trust(settings),
      memory: { session: undefined },
      onOpened: () => {},
    });
    secure.destroy();
    return 'trusted';
  } catch (error) {
    return (error as Error).message;
  }
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'gatepost-roots-'));
  ends.push(() => rmSync(path, { recursive: true }));
  return path;
}

describe('GATEPOST_UPSTREAM_CA', () => {
  test.each([
    ['the root', ROOT, [INTERMEDIATE.cert]],
    ['an intermediate', INTERMEDIATE, []],
    ['an intermediate, of a server that sends the whole chain', INTERMEDIATE, [INTERMEDIATE.cert, ROOT.cert]],
    ["the server's own certificate", LEAF, []],
  ])('%s', async (_name, { cert }, sent) => {
    expect(await handshake({ ca: cert, pin: undefined }, sent)).toBe('trusted');
  });

  test('another authority: who signed it is said', async () => {
    expect(await handshake({ ca: selfSigned({ names: ['Other'] }).cert, pin: undefined }, [INTERMEDIATE.cert])).toMatch(
      /signed by nobody this board trusts \(\w+\): certificate of localhost, signed by Example Intermediate/,
    );
  });
});

describe("the system's roots", () => {
  test('none of them', async () => {
    expect(await handshake({ ...NOTHING, folders: [] }, [INTERMEDIATE.cert])).toMatch(/signed by nobody/);
  });
  test('a file', async () => {
    const path = join(folder(), 'roots.pem');
    writeFileSync(path, ROOT.cert);
    expect(await handshake({ ...NOTHING, bundle: path }, [INTERMEDIATE.cert])).toBe('trusted');
  });
  test('a folder of hashed names, and no other files of it', async () => {
    const path = folder();
    writeFileSync(join(path, 'example.crt'), ROOT.cert);
    writeFileSync(join(path, '01234567.0'), 'no certificate');
    expect(await handshake({ ...NOTHING, folders: [path] }, [INTERMEDIATE.cert])).toMatch(/signed by nobody/);
    symlinkSync('example.crt', join(path, '89abcdef.0'));
    expect(await handshake({ ...NOTHING, folders: ['/nonexistent', path] }, [INTERMEDIATE.cert])).toBe('trusted');
  });
});
