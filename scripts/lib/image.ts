// The demonstration image: Debian's kernel, C library and BusyBox for the board's architecture, the overlay
// package on top, as a small initramfs and two ext4 disks: the system, read-only, and what the relay keeps.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
import target from '../../targets/demo-image/image.json' with { type: 'json' };
import { CommandFailed } from './command.ts';
import { debianRoot } from './debian.ts';
import { CACHE, PACKAGES, ROOT, TARGETS } from './paths.ts';
import { run } from './run.ts';

/** Architectures that an image is made for. */
export const BOARD_ARCHITECTURES = ['arm64', 'armv7'] as const satisfies readonly (keyof typeof target.architectures)[];

type BoardArchitecture = (typeof BOARD_ARCHITECTURES)[number];

/** What QEMU is started with: files, and how the machine is. */
export type Image = {
  readonly kernel: string;
  readonly initramfs: string;
  readonly system: string;
  /** QEMU's command line for the machine. */
  readonly emulator: readonly string[];
  readonly console: string;
  /** MiB. */
  readonly memory: number;
};

const DATA_MIB = 128;

/** Makes what is not there or older than the overlay package; throws when that one is missing. */
export function buildImage(architecture: BoardArchitecture, say: (text: string) => void): Image {
  const { packages, emulator, console } = target.architectures[architecture];
  const overlay = `${PACKAGES}gatepost-${packageJson.version}-overlay-${architecture}.tar.gz`;
  if (!existsSync(overlay)) throw new CommandFailed(`${overlay} is not there: npm run build:boards && npm run pack`);
  const debian = fetchDebian(architecture, packages, say);
  const folder = `${ROOT}dist/image/${architecture}/`;
  mkdirSync(folder, { recursive: true });
  const image = { kernel: `${folder}vmlinuz`, initramfs: `${folder}initramfs.gz`, system: `${folder}system.ext4` };
  if (!existsSync(image.system) || statSync(image.system).mtimeMs < statSync(overlay).mtimeMs) {
    say('making the disk and the initramfs');
    const [kernel = ''] = readdirSync(`${debian}/boot`).filter((name) => name.startsWith('vmlinuz-'));
    copyFileSync(`${debian}/boot/${kernel}`, image.kernel);
    makeInitramfs(debian, `${folder}initramfs`, image.initramfs);
    makeSystem(debian, overlay, `${folder}root`, image.system);
  }
  return { ...image, emulator, console, memory: target.memory };
}

/** Debian's packages for the board, unpacked, none of them run. */
function fetchDebian(architecture: BoardArchitecture, packages: readonly string[], say: (text: string) => void): string {
  const folder = `${CACHE}debian-${architecture}`;
  if (existsSync(folder)) return folder;
  say(`fetching ${packages.join(', ')} for ${architecture} from Debian`);
  const debian = architecture === 'armv7' ? 'armhf' : architecture;
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  debianRoot({ architecture: debian, variant: 'extract', include: packages, to: draft });
  renameSync(draft, folder);
  return folder;
}

function makeInitramfs(debian: string, stage: string, to: string): void {
  rmSync(stage, { recursive: true, force: true });
  for (const folder of ['bin', 'modules']) mkdirSync(`${stage}/${folder}`, { recursive: true });
  copyFileSync(`${debian}/bin/busybox`, `${stage}/bin/busybox`);
  copyFileSync(`${TARGETS}demo-image/initramfs-init`, `${stage}/init`);
  for (const path of ['bin/busybox', 'init']) chmodSync(`${stage}/${path}`, 0o755);
  const order = copyModules(`${debian}/lib/modules`, `${stage}/modules`);
  writeFileSync(`${stage}/modules/order`, `${order.join('\n')}\n`);
  execFileSync('sh', ['-c', `cd "$1" && find . | sort | cpio --quiet -o -H newc -R 0:0 | gzip -n -1 > "$2"`, 'sh', stage, to]);
}

/**
 * Copies the modules that are wanted and those that they depend on; their names in the order to load them in. What the
 * kernel has built in is no module.
 */
function copyModules(from: string, to: string): readonly string[] {
  const paths = readdirSync(from, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ko'));
  const found = new Map(paths.map((path) => [path.replace(/^.*\/|\.ko$/g, ''), `${from}/${path}`]));
  const order: string[] = [];
  const add = (name: string) => {
    const path = found.get(name);
    if (path === undefined || order.includes(name)) return;
    const depends = /\0depends=([\w,-]*)\0/.exec(readFileSync(path, 'latin1'))?.[1] ?? '';
    for (const other of depends.split(',')) add(other);
    copyFileSync(path, `${to}/${name}.ko`);
    order.push(name);
  };
  for (const name of target.modules) add(name);
  return order;
}

function makeSystem(debian: string, overlay: string, stage: string, to: string): void {
  rmSync(stage, { recursive: true, force: true });
  for (const folder of ['bin', 'dev', 'etc', 'lib', 'proc', 'run', 'sbin', 'sys', 'tmp', 'var/lib/gatepost'])
    mkdirSync(`${stage}/${folder}`, { recursive: true });
  execFileSync('tar', ['-xzf', overlay, '-C', stage]);
  copyFileSync(`${debian}/bin/busybox`, `${stage}/bin/busybox`);
  chmodSync(`${stage}/bin/busybox`, 0o755);
  for (const name of APPLETS) symlinkSync('busybox', `${stage}/bin/${name}`);
  for (const place of ['lib', 'usr/lib']) copyLibraries(`${debian}/${place}`, `${stage}/lib`);
  copyFileSync(`${TARGETS}demo-image/init`, `${stage}/sbin/init`);
  chmodSync(`${stage}/sbin/init`, 0o755);
  writeFileSync(`${stage}/etc/passwd`, 'root:x:0:0:root:/:/bin/sh\ngatepost:x:425:425:gatepost:/:/bin/false\n');
  writeFileSync(`${stage}/etc/group`, 'root:x:0:\ngatepost:x:425:\n');
  const mebibytes = Math.ceil(Number(execFileSync('du', ['-sm', stage], { encoding: 'utf8' }).split('\t')[0]) * 1.1) + 8;
  makeDisk(to, mebibytes, stage);
}

/** Programs that the scripts on the board use. */
const APPLETS = [
  ...['sh', 'mount', 'ip', 'hostname', 'env', 'grep', 'sed', 'syslogd', 'logger', 'sleep', 'cat', 'ls', 'id', 'mkdir', 'chown', 'chmod'],
  ...['rm', 'mkfifo', 'start-stop-daemon', 'pidof', 'kill'],
];

/** The C library's files, wherever Debian has them, to /lib. */
function copyLibraries(from: string, to: string): void {
  if (!existsSync(from)) return;
  for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    const file = name.replace(/^.*\//, '');
    if (!/^(?:ld-linux[^/]*|lib(?:c|m|dl|pthread|resolv|rt|nss_\w+|gcc_s|stdc\+\+|atomic))\.so\.\d+$/.test(file)) continue;
    copyFileSync(`${from}/${name}`, `${to}/${file}`); // follows links
    chmodSync(`${to}/${file}`, 0o755);
  }
}

/** An ext4 disk of that size, with what lies in `content`. */
export function makeDisk(path: string, mebibytes: number = DATA_MIB, content?: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, '');
  truncateSync(path, mebibytes * 2 ** 20);
  const fill = content === undefined ? [] : ['-d', content];
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-m', '0', '-E', 'root_owner=0:0', ...fill, path], 'e2fsprogs');
}
