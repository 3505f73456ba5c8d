// Usage: npm run bench [-- --quick]   (as root, with Debian's postfix, libsasl2-modules, e2fsprogs, util-linux)
//
// The relay beside Postfix, on the same ext4 file system on a loop device, in one run, in turn: accept
// rates and waits, KiB written to the device a message, device-to-upstream rates, memory. Prints a table
// with ratios. --quick sends a fifth of the messages. A measurement, not a test: no figure makes it fail.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { preparePostfix } from '../test/support/programs/postfix.ts';
import { startProcess } from '../test/support/programs/relay-process.ts';
import { trustedBySystem } from './lib/certificate.ts';
import { command } from './lib/command.ts';
import { Figures } from './lib/figures.ts';
import { libraryUpstream, PASSWORD, USER } from './lib/library-upstream.ts';
import { type Bench, Measurement, type Subject } from './lib/measurement.ts';
import { freePort } from './lib/ports.ts';

const ROUNDS = 3;

const gatepost: Subject = {
  name: 'Gatepost',
  async start({ upstream, drainPort, folder }, own, mode) {
    const relay = await startProcess({
      GATEPOST_UPSTREAM: `smtp://127.0.0.1:${mode === 'up' ? upstream.port : drainPort}`,
      GATEPOST_UPSTREAM_USERNAME: USER,
      GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
      ...trustedBySystem(upstream.certificate, folder), // what nearly everybody runs with
      GATEPOST_SPOOL_DIR: own,
      GATEPOST_SPOOL_SIZE: '768MiB',
      GATEPOST_LOG_LEVEL: 'info',
      GATEPOST_MAX_CONNECTIONS_PER_DEVICE: '100',
    });
    return {
      port: relay.port,
      processes: () => [relay.pid],
      hurry: () => relay.signal('SIGUSR2'),
      end: async () => void (await relay.end()),
    };
  },
};

const postfix: Subject = {
  name: 'Postfix',
  async start({ upstream, drainPort }, own, mode) {
    mkdirSync(own, { mode: 0o755 });
    writeFileSync(join(own, 'password'), [upstream.port, drainPort].map((port) => `[127.0.0.1]:${port} ${USER}:${PASSWORD}\n`).join(''));
    const server = await preparePostfix(
      {
        smtpd_tls_security_level: 'none',
        smtpd_sasl_auth_enable: 'no',
        mynetworks: '127.0.0.0/8',
        smtpd_relay_restrictions: 'permit_mynetworks, reject',
        virtual_mailbox_domains: '',
        relayhost: `[127.0.0.1]:${mode === 'up' ? upstream.port : drainPort}`,
        // Postfix matches names, and the certificate is for an address: here it only encrypts, which is less work than
        // the relay does.
        smtp_tls_security_level: 'encrypt',
        smtp_sasl_auth_enable: 'yes',
        smtp_sasl_security_options: 'noanonymous',
        smtp_sasl_password_maps: `texthash:${join(own, 'password')}`,
      },
      own,
    );
    await server.start();
    const master = Number(readFileSync(join(own, 'queue/pid/master.pid'), 'utf8').trim());
    const hurry = () => void execFileSync('postfix', ['-c', join(own, 'etc'), 'flush'], { stdio: 'ignore' });
    return { port: server.port, processes: () => [master, ...childrenOf(master)], hurry, end: () => server.stop() };
  },
};

await command(import.meta, {
  options: { quick: { type: 'boolean' } },
  run: async ({ quick = false }) => {
    const subjects = [gatepost, postfix].map((subject) => ({ subject, figures: new Figures() }));
    await withBench(quick ? 0.2 : 1, async (bench) => {
      for (let round = 0; round < ROUNDS; round++) {
        for (const { subject, figures } of subjects) {
          process.stderr.write(`round ${round + 1} of ${ROUNDS}: ${subject.name}\n`);
          await new Measurement(bench, subject, figures).all();
          for (const name of readdirSync(bench.mount))
            if (name !== 'lost+found') rmSync(join(bench.mount, name), { recursive: true, force: true });
        }
      }
    });
    const [own, other] = subjects;
    if (own !== undefined && other !== undefined)
      process.stdout.write(own.figures.table(own.subject.name, other.subject.name, other.figures));
  },
});

/** Makes the file system and the upstream, and takes them away in the end. */
async function withBench(scale: number, work: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gatepost-bench-'));
  chmodSync(folder, 0o755); // Postfix's own user must get through
  const mount = join(folder, 'ext4');
  const upstream = await libraryUpstream();
  try {
    mkdirSync(mount);
    execFileSync('truncate', ['-s', '3G', join(folder, 'image')]);
    execFileSync('mkfs.ext4', ['-q', join(folder, 'image')]);
    execFileSync('mount', ['-o', 'loop', join(folder, 'image'), mount]);
    const source = execFileSync('findmnt', ['-n', '-o', 'SOURCE', mount], { encoding: 'utf8' });
    await work({ folder, mount, device: source.trim().replace('/dev/', ''), upstream, drainPort: await freePort(), scale });
  } finally {
    await upstream.close();
    execFileSync('sh', ['-c', `umount ${mount} 2>/dev/null || true`]);
    rmSync(folder, { recursive: true, force: true });
  }
}

function childrenOf(parent: number): readonly number[] {
  try {
    return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it has just ended
  }
}
