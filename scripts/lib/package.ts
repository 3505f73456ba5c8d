// A tree becomes a package: a tarball, or a .deb with its documentation and control files.

import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { put, type Staged, write } from './layout.ts';
import { PACKAGES, ROOT, TARGETS } from './paths.ts';
import { run } from './run.ts';
import { RUNTIMES } from './runtimes.ts';

const { version } = packageJson;
const DESCRIPTION = `SMTP relay for devices that only speak plain SMTP
 Takes plain SMTP from cameras, printers and sensors on the LAN, has each
 message on flash before it answers, and forwards it over authenticated TLS.`;

/** The tarball's path; `isQuick` compresses little. */
export function packTarball({ family, architecture, folder, time }: Staged, isQuick: boolean): string {
  const made = `${PACKAGES}gatepost-${version}-${family.name}-${architecture}.tar.gz`;
  // What the names are sorted by, when it was made and who packed it must not show.
  const same = ['--sort=name', `--mtime=@${time}`, '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  const level = isQuick ? '-1' : '-9';
  execFileSync('tar', [...same, '-C', folder, `--use-compress-program=gzip -n ${level}`, '-cf', made, '.']);
  return made;
}

/** The .deb's path; `isQuick` compresses little. */
export function packDebian(staged: Staged, isQuick: boolean): string {
  const { family, architecture, folder, time } = staged;
  const { debian } = RUNTIMES[architecture];
  const documents = { 'README.md': 'README.md', LICENSE: 'copyright', 'CHANGELOG.md': 'NEWS' };
  for (const [from, to] of Object.entries(documents)) put(staged, `${ROOT}${from}`, `usr/share/doc/gatepost/${to}`, 0o644);
  for (const script of family.scripts ?? []) put(staged, `${TARGETS}${family.name}/${script}`, `DEBIAN/${script}`, 0o755);
  const settings = filesIn(`${folder}/etc`).map((path) => `${path.slice(folder.length)}\n`);
  write(staged, 'DEBIAN/conffiles', settings.join(''), 0o644);
  write(staged, 'DEBIAN/control', controlOf(staged), 0o644);
  const made = `${PACKAGES}gatepost_${version}_${debian}.deb`;
  const compression = isQuick ? ['-Zgzip', '-z1'] : ['-Zxz'];
  run('dpkg-deb', ['--root-owner-group', ...compression, '--build', folder, made], 'dpkg', {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(time) },
  });
  return made;
}

function controlOf({ family, architecture, folder }: Staged): string {
  const fields = {
    Package: 'gatepost',
    Version: version,
    Architecture: RUNTIMES[architecture].debian,
    Maintainer: 'The Gatepost developers <gatepost@localhost>',
    'Installed-Size': String(filesIn(folder).reduce((sum, path) => sum + Math.ceil(statSync(path).size / 1024), 0)),
    Depends: family.depends,
    Suggests: family.suggests,
    Section: 'mail',
    Priority: 'optional',
    Description: DESCRIPTION,
  };
  return Object.entries(fields)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`]))
    .join('');
}

/** The files that will lie on the board, in the order of their paths. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && !one.parentPath.includes('/DEBIAN'))
    .map((one) => join(one.parentPath, one.name))
    .sort();
}
