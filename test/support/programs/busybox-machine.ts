// A machine whose system is BusyBox and the overlay package, without a kernel of its own: namespaces for
// processes, mounts and the network, so that port 25 and its sysctl are its own, and nothing outlives it. Needs
// root.

import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { ROOT } from '../../../scripts/lib/paths.ts';
import { searchPath, whereIs } from '../../../scripts/lib/run.ts';
import { changesUntil, temporaryFolder } from '../folders.ts';
import { killAtExit } from '../processes.ts';

export const MACHINE_TOOLS = ['busybox', 'chroot', 'unshare', 'nsenter', 'ldd', 'mknod', 'mount'];

const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'x64';

/** The root folder, with every applet of BusyBox and the C library that the relay needs. */
export function busyBoxRoot(): string {
  const root = temporaryFolder();
  chmodSync(root, 0o755);
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'run', 'tmp', 'usr/bin', 'var/lib', 'var/log'])
    mkdirSync(`${root}/${folder}`, { recursive: true });
  execFileSync('tar', ['-xzf', `${ROOT}dist/packages/gatepost-${packageJson.version}-overlay-${ARCHITECTURE}.tar.gz`, '-C', root]);
  addProgram(root, whereIs('busybox'), '/bin/busybox');
  for (const applet of execFileSync('busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n'))
    if (!existsSync(`${root}/bin/${applet}`)) symlinkSync('busybox', `${root}/bin/${applet}`);
  addLibraries(root, `${root}/usr/bin/gatepost`);
  execFileSync('mknod', ['-m', '666', `${root}/dev/null`, 'c', '1', '3']);
  writeFileSync(
    `${root}/etc/passwd`,
    'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nother:x:425:425::/:/bin/false\n',
  );
  writeFileSync(`${root}/etc/group`, 'root:x:0:\nnogroup:x:65534:\nother:x:425:\n');
  return root;
}

/** Copies a program of this system into the root, with its libraries. */
export function addProgram(root: string, program: string, to: string): void {
  copyFileSync(program, root + to);
  chmodSync(root + to, 0o755);
  addLibraries(root, program);
}

function addLibraries(root: string, program: string): void {
  let listed = '';
  try {
    listed = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return; // it is static
  }
  for (const [, path = ''] of listed.matchAll(/(\/\S+\.so\S*)/g)) {
    if (existsSync(root + path)) continue;
    mkdirSync(dirname(root + path), { recursive: true });
    copyFileSync(path, root + path);
  }
}

/** The running machine. */
export type Machine = {
  /** Runs a shell command in it; its output. */
  run(command: string): string;
  /** What syslogd wrote. */
  log(): string;
  /** Resolves when the log passes. */
  logs(passes: (log: string) => boolean): Promise<void>;
  /** The running relay's process id, as this system sees it; undefined when there is none. */
  relay(): number | undefined;
  /** Kills all its processes. */
  off(): void;
};

/** Starts it on a root folder; only syslogd runs then. */
export async function startMachine(root: string): Promise<Machine> {
  const inside = 'ip link set lo up && syslogd -O /var/log/messages && echo up && while :; do sleep 3600; done';
  const namespaces = ['--fork', '--pid', '--kill-child', '--mount', '--net', `--mount-proc=${root}/proc`];
  const child = spawn('unshare', [...namespaces, whereIs('chroot'), root, '/bin/sh', '-c', inside], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: searchPath() },
  });
  killAtExit(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const first = childrenOf(child.pid ?? 0)[0] ?? 0;
  const log = () => (existsSync(`${root}/var/log/messages`) ? readFileSync(`${root}/var/log/messages`, 'utf8') : '');
  return {
    run: (command) =>
      execFileSync('nsenter', ['-t', String(first), '--mount', '--pid', '--net', '--root', '/bin/sh', '-c', command], {
        encoding: 'utf8',
        env: { PATH: '/bin:/usr/bin' },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    log,
    logs: (passes) => changesUntil(`${root}/var/log`, () => passes(log())),
    relay: () => descendantsOf(first).find((pid) => commandOf(pid) === '/usr/bin/gatepost\0run\0'),
    off: () => child.kill('SIGKILL'),
  };
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it has just ended
  }
}

function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return undefined; // it has just ended
  }
}

function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}
