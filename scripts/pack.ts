// Usage: npm run pack [-- [--target raspberry-pi,openwrt,overlay] [--arch arm64,armv7,x64] [--quick]]
//
// Makes dist/packages/: what is flashed or installed, from the binaries in dist/bin and the files in
// targets/. --quick compresses little, for tests. The same binaries give the same bytes.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { commitTime } from './build.ts';
import { environmentFile } from './environment-file.ts';
import { ARCHITECTURES, type Architecture, ROOT, RUNTIMES, run } from './runtimes.ts';
import { writeSums } from './sums.ts';

/** targets/FAMILY/target.json */
type Target = {
  readonly title: string;
  readonly package: 'deb' | 'tarball';
  readonly architectures: readonly Architecture[];
  readonly binary: string;
  /** Where the private C library goes, on systems that have another; the binary is then made to use it. */
  readonly libraries?: string;
  /** Where every variable stands as a commented line. */
  readonly environment: string;
  readonly files: Readonly<Record<string, { readonly to: string; readonly mode?: string }>>;
  /** Folders that are not for everybody to look into, with their modes. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Debian's maintainer scripts, and fields of the control file. */
  readonly scripts?: readonly string[];
  readonly depends?: string;
  readonly suggests?: string;
};

const FAMILIES = ['raspberry-pi', 'openwrt', 'overlay'] as const;
const PACKAGES = `${ROOT}dist/packages/`;

// What Node needs of glibc and the compiler, and what glibc loads by itself to look names up.
const LIBRARIES = [
  ...['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'libresolv.so.2', 'librt.so.1'],
  ...['libnss_dns.so.2', 'libnss_files.so.2', 'libgcc_s.so.1', 'libstdc++.so.6', 'libatomic.so.1'],
];

const { values } = parseArgs({
  options: { target: { type: 'string' }, arch: { type: 'string' }, quick: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help === true) {
  process.stdout.write(
    `npm run pack [-- [--target ${FAMILIES.join(',')}] [--arch ${ARCHITECTURES.join(',')}] [--quick]]: packages into dist/packages\n`,
  );
  process.exit(0);
}

const { version } = packageJson;
const families = values.target?.split(',') ?? FAMILIES;
const architectures = values.arch?.split(',') ?? ARCHITECTURES;
const time = commitTime();
mkdirSync(PACKAGES, { recursive: true });
for (const family of families) {
  const target = JSON.parse(readFileSync(`${ROOT}targets/${family}/target.json`, 'utf8')) as Target;
  for (const architecture of target.architectures.filter((one) => architectures.includes(one))) {
    const stage = `${ROOT}dist/work/${family}-${architecture}`;
    rmSync(stage, { recursive: true, force: true });
    layOut(family, target, architecture, stage);
    const made = target.package === 'deb' ? packDebian(family, target, architecture, stage) : packTarball(family, architecture, stage);
    process.stdout.write(`${target.title}: ${made.slice(ROOT.length)}, ${(statSync(made).size / 2 ** 20).toFixed(1)} MiB\n`);
  }
}
writeSums(PACKAGES);

/** The tree as it will lie on the board. */
function layOut(family: string, target: Target, architecture: Architecture, stage: string): void {
  const binary = `${ROOT}dist/bin/gatepost-linux-${architecture}`;
  if (!existsSync(binary)) throw new Error(`${binary} is not there: npm run build:boards -- --arch ${architecture}`);
  put(binary, `${stage}/${target.binary}`, 0o755);
  for (const [from, { to, mode }] of Object.entries(target.files))
    put(join(ROOT, 'targets', family, from), `${stage}/${to}`, Number.parseInt(mode ?? '644', 8));
  for (const [folder, mode] of Object.entries(target.folders ?? {})) finish(`${stage}/${folder}`, Number.parseInt(mode, 8));
  write(`${stage}/${target.environment}`, environmentFile(), 0o600); // a password may come to stand in it
  if (target.libraries !== undefined) addLibraries(target.libraries, architecture, stage, target.binary);
}

/** A private C library, and the binary made to use it. After the blob was put in: before, that would break it. */
function addLibraries(folder: string, architecture: Architecture, stage: string, binary: string): void {
  const { interpreter } = RUNTIMES[architecture];
  const from = libraryFolders(architecture);
  for (const name of [interpreter, ...LIBRARIES]) {
    const found = from.map((place) => `${place}/${name}`).find((path) => existsSync(path));
    if (found === undefined) throw new Error(`${name} for ${architecture} is in none of ${from.join(', ')}`);
    put(found, `${stage}/${folder}/${name}`, 0o755);
  }
  const argv = ['--set-interpreter', `/${folder}/${interpreter}`, '--set-rpath', `/${folder}`, `${stage}/${binary}`];
  run('patchelf', argv, 'patchelf');
}

function libraryFolders(architecture: Architecture): readonly string[] {
  const { libraries } = RUNTIMES[architecture];
  return libraries === undefined ? ['/lib/x86_64-linux-gnu', '/lib64', '/usr/lib/x86_64-linux-gnu'] : [`${libraries}/lib`];
}

function packTarball(family: string, architecture: Architecture, stage: string): string {
  const made = `${PACKAGES}gatepost-${version}-${family}-${architecture}.tar.gz`;
  // What the names are sorted by, when it was made and who packed it must not show.
  const same = ['--sort=name', `--mtime=@${time}`, '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  const level = values.quick === true ? '-1' : '-9';
  execFileSync('tar', [...same, '-C', stage, `--use-compress-program=gzip -n ${level}`, '-cf', made, '.']);
  return made;
}

function packDebian(family: string, target: Target, architecture: Architecture, stage: string): string {
  const { debian } = RUNTIMES[architecture];
  const share = `${stage}/usr/share/doc/gatepost`;
  put(`${ROOT}README.md`, `${share}/README.md`, 0o644);
  put(`${ROOT}LICENSE`, `${share}/copyright`, 0o644);
  put(`${ROOT}CHANGELOG.md`, `${share}/NEWS`, 0o644);
  for (const script of target.scripts ?? []) put(join(ROOT, 'targets', family, script), `${stage}/DEBIAN/${script}`, 0o755);
  const kept = walk(`${stage}/etc`).map((path) => path.slice(stage.length));
  write(`${stage}/DEBIAN/conffiles`, kept.map((path) => `${path}\n`).join(''), 0o644);
  const size = walk(stage).reduce((sum, path) => sum + Math.ceil(statSync(path).size / 1024), 0);
  const fields = {
    Package: 'gatepost',
    Version: version,
    Architecture: debian,
    Maintainer: 'The Gatepost developers <gatepost@localhost>',
    'Installed-Size': String(size),
    Depends: target.depends,
    Suggests: target.suggests,
    Section: 'mail',
    Priority: 'optional',
    Description:
      'SMTP relay for devices that only speak plain SMTP\n Takes plain SMTP from cameras, printers and sensors on the LAN, has each\n message on flash before it answers, and forwards it over authenticated TLS.',
  };
  const control = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`]));
  write(`${stage}/DEBIAN/control`, control.join(''), 0o644);
  const made = `${PACKAGES}gatepost_${version}_${debian}.deb`;
  const compression = values.quick === true ? ['-Zgzip', '-z1'] : ['-Zxz'];
  run('dpkg-deb', ['--root-owner-group', ...compression, '--build', stage, made], 'dpkg', {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(time) },
  });
  return made;
}

function put(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  finish(to, mode);
}

function write(to: string, text: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, text);
  finish(to, mode);
}

function finish(path: string, mode: number): void {
  chmodSync(path, mode);
  lutimesSync(path, time, time);
}

function walk(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && !one.parentPath.includes('/DEBIAN'))
    .map((one) => join(one.parentPath, one.name))
    .sort();
}
