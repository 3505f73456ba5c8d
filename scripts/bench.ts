// Usage: npm run bench [-- --quick]   (as root, with Debian's postfix, libsasl2-modules, e2fsprogs, util-linux)
//
// The relay beside Postfix, on the same ext4 file system on a loop device, in one run, in turn: accept
// rates and waits, KiB written to the device a message, device-to-upstream rates, memory. Prints a table
// with ratios. A measurement, not a test: no figure makes it fail.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trustedBySystem } from '../test/support/certificate.ts';
import { libraryUpstream, PASSWORD, USER } from '../test/support/library-upstream.ts';
import { freePort, preparePostfix } from '../test/support/postfix.ts';
import { startProcess } from '../test/support/relay-process.ts';
import { type Load, sendLoad } from './load.ts';

if (process.argv.includes('--help')) {
  process.stdout.write('npm run bench [-- --quick]: the relay beside Postfix, as ratios\n');
  process.exit(0);
}

const SCALE = process.argv.includes('--quick') ? 0.2 : 1;
const ROUNDS = 3;
const folder = mkdtempSync(join(tmpdir(), 'gatepost-bench-'));
chmodSync(folder, 0o755); // Postfix's own user must get through
const mount = join(folder, 'ext4');

/** A server under test: how to start it, and whose memory is its own. */
type Subject = { readonly name: string; start(mode: 'up' | 'down'): Promise<Running> };
type Running = {
  readonly port: number;
  readonly processes: () => readonly number[] /** Tries everything that waits now. */;
  hurry(): void;
  end(): Promise<void>;
};

const upstream = await libraryUpstream();
const drainPort = await freePort();
let count = 0;

const gatepost: Subject = {
  name: 'Gatepost',
  async start(mode) {
    const relay = await startProcess({
      GATEPOST_UPSTREAM: `smtp://127.0.0.1:${mode === 'up' ? upstream.port : drainPort}`,
      GATEPOST_UPSTREAM_USERNAME: USER,
      GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
      ...trustedBySystem(upstream.certificate, folder), // what nearly everybody runs with
      GATEPOST_SPOOL_DIR: join(mount, `gatepost-${count++}`),
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
  async start(mode) {
    const own = join(mount, `postfix-${count++}`);
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
        // Postfix matches names, and the certificate is for an address: here it only encrypts, which is less work than the relay does.
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

function childrenOf(parent: number): readonly number[] {
  try {
    return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Private dirty memory in MiB. */
function memoryOf(running: Running): number {
  return running.processes().reduce((sum, pid) => {
    try {
      return sum + Number(/Private_Dirty:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return sum; // it has just ended
    }
  }, 0);
}

let device = '';
/** KiB written to the loop device so far, everything in the cache written out first. */
function written(): number {
  execFileSync('sync', ['-f', mount]);
  const fields = readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/);
  return Number(fields[6]) / 2;
}

type Figures = Map<string, number[]>;
const figures: Record<string, Figures> = { Gatepost: new Map(), Postfix: new Map() };
const note = (subject: Subject, what: string, value: number) => {
  const all = figures[subject.name]?.get(what) ?? [];
  figures[subject.name]?.set(what, [...all, value]);
};

async function whileRunning(subject: Subject, mode: 'up' | 'down', measure: (running: Running) => Promise<void>): Promise<void> {
  const running = await subject.start(mode);
  try {
    await measure(running);
  } finally {
    await running.end();
  }
}

async function measureAll(subject: Subject): Promise<void> {
  const load = (port: number, connections: number, messages: number, octets: number): Load => ({
    port,
    connections,
    messages: Math.ceil(messages * SCALE),
    octets,
  });
  for (const [connections, messages] of [
    [1, 1000],
    [10, 4000],
    [50, 4000],
  ] as const) {
    await whileRunning(subject, 'down', async ({ port }) => {
      await sendLoad(load(port, connections, 200, 4096));
      const { perSecond, median, p99 } = await sendLoad(load(port, connections, messages, 4096));
      note(subject, `accepted a second, 4 KiB, ${connections} connections`, perSecond);
      note(subject, `wait for 250 after the dot, ms, median, ${connections} connections`, median);
      note(subject, `wait for 250 after the dot, ms, 99 %, ${connections} connections`, p99);
    });
  }
  for (const [octets, messages] of [
    [4096, 2000],
    [300 * 1024, 200],
  ] as const) {
    for (const mode of ['down', 'up'] as const) {
      await whileRunning(subject, mode, async ({ port }) => {
        const before = written();
        const delivered = upstream.delivered.length;
        const wanted = load(port, 10, messages, octets);
        const started = performance.now();
        await sendLoad(wanted);
        if (mode === 'up') {
          await upstream.waitFor(delivered + wanted.messages);
          note(
            subject,
            `device to upstream, messages a second, ${octets / 1024} KiB`,
            wanted.messages / ((performance.now() - started) / 1000),
          );
        }
        note(subject, `KiB written a message of ${octets / 1024} KiB, upstream ${mode}`, (written() - before) / wanted.messages);
        upstream.delivered.length = 0;
      });
    }
  }
  await whileRunning(subject, 'down', async ({ port, hurry }) => {
    const wanted = load(port, 10, 1000, 4096);
    await sendLoad(wanted);
    const back = await libraryUpstream({ port: drainPort, certificate: upstream.certificate });
    const started = performance.now();
    hurry();
    await back.waitFor(wanted.messages);
    note(subject, 'drained a second once the upstream is back, 4 KiB', wanted.messages / ((performance.now() - started) / 1000));
    await back.close();
  });
  await whileRunning(subject, 'down', async (running) => {
    const idle = memoryOf(running);
    note(subject, 'private dirty memory idle, MiB', idle);
    let most = idle;
    const watch = setInterval(() => {
      most = Math.max(most, memoryOf(running));
    }, 20);
    await sendLoad({ port: running.port, connections: 10, messages: 10, octets: 10 * 1024 * 1024 });
    clearInterval(watch);
    note(subject, 'growth under ten 10 MiB messages at once, MiB', most - idle);
  });
}

const median = (values: readonly number[]) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
const shown = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2));

try {
  mkdirSync(mount);
  execFileSync('truncate', ['-s', '3G', join(folder, 'image')]);
  execFileSync('mkfs.ext4', ['-q', join(folder, 'image')]);
  execFileSync('mount', ['-o', 'loop', join(folder, 'image'), mount]);
  device = execFileSync('findmnt', ['-n', '-o', 'SOURCE', mount], { encoding: 'utf8' }).trim().replace('/dev/', '');
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of [gatepost, postfix]) {
      process.stderr.write(`round ${round + 1} of ${ROUNDS}: ${subject.name}\n`);
      await measureAll(subject);
      for (const name of readdirSync(mount)) if (name !== 'lost+found') rmSync(join(mount, name), { recursive: true, force: true });
    }
  }
  process.stdout.write('| what | Gatepost | Postfix | Gatepost / Postfix |\n| --- | --- | --- | --- |\n');
  for (const [what, own] of figures['Gatepost'] ?? []) {
    const ours = median(own);
    const theirs = median(figures['Postfix']?.get(what) ?? []);
    process.stdout.write(`| ${what} | ${shown(ours)} | ${shown(theirs)} | ${(ours / theirs).toFixed(2)} |\n`);
  }
} finally {
  await upstream.close();
  execFileSync('sh', ['-c', `umount ${mount} 2>/dev/null || true`]);
  rmSync(folder, { recursive: true, force: true });
}
