// What is flashed or installed: the .deb from installation to purge in a Debian root, the OpenWrt overlay in a
// root that has no glibc, the unit's sandbox, the environment file.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { debianRoot } from '../../scripts/lib/debian.ts';
import { ROOT } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { searchPath, whereIs } from '../../scripts/lib/run.ts';
import { ARCHITECTURES, BOARD_TOOLS, isNative, RUNTIMES } from '../../scripts/lib/runtimes.ts';
import { VARIABLES } from '../../src/config/settings.ts';
import { temporaryFolder } from '../support/folders.ts';
import { provesItself } from '../support/programs/essential.ts';
import { describeWith } from '../support/programs/installed.ts';
import { type RelayProcess, startProcess } from '../support/programs/relay-process.ts';

const PACKAGES = `${ROOT}dist/packages/`;
const { version } = packageJson;
const run = (program: string, ...argv: string[]) =>
  execFileSync(program, argv, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: searchPath(), LC_ALL: 'C' },
  });

describeWith(['systemd-analyze'], 'the systemd unit', () => {
  test('its exposure is under 2.0', () => {
    const unit = `${ROOT}targets/common/gatepost.service`;
    const report = run('systemd-analyze', 'security', '--offline=yes', '--threshold=19', unit);
    expect(Number(/Overall exposure level for gatepost\.service: ([\d.]+)/.exec(report)?.[1])).toBeLessThan(2);
  });

  test('systemd understands every line of it', () => {
    const folder = temporaryFolder();
    for (const name of ['gatepost.service', 'gatepost.socket']) {
      const text = readFileSync(`${ROOT}targets/${name === 'gatepost.socket' ? 'debian' : 'common'}/${name}`, 'utf8');
      writeFileSync(`${folder}/${name}`, text.replace('/usr/bin/gatepost', process.execPath)); // the program is not installed here
    }
    const verify = ['verify', '--man=no', `${folder}/gatepost.service`, `${folder}/gatepost.socket`];
    const { status, stdout, stderr } = spawnSync('systemd-analyze', verify, { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' }); // warnings are on standard error, with status 0
  });

  test('it hears of a hang only if it may hear the program that the relay starts', () => {
    const unit = readFileSync(`${ROOT}targets/common/gatepost.service`, 'utf8');
    for (const line of ['Type=notify', 'NotifyAccess=all', 'WatchdogSec=3min', 'Restart=always']) expect(unit.split('\n')).toContain(line);
  });
});

describeWith(BOARD_TOOLS, 'the packages', () => {
  test('the environment file has every variable as a comment, and none that is set', () => {
    const text = run('tar', '-xzOf', `${PACKAGES}gatepost-${version}-overlay-arm64.tar.gz`, './etc/default/gatepost');
    for (const { name } of VARIABLES) expect(text).toMatch(new RegExp(`^#GATEPOST_${name}=`, 'm'));
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });

  test.each(ARCHITECTURES)('%s: owners, modes, and secrets that only root reads', (architecture) => {
    const deb = run('dpkg-deb', '-c', `${PACKAGES}gatepost_${version}_${RUNTIMES[architecture].debian}.deb`);
    expect(deb).toMatch(/^-rwxr-xr-x root\/root +\d+ \S+ \S+ \.\/usr\/bin\/gatepost$/m);
    expect(deb).toMatch(/^-rw------- root\/root +\d+ \S+ \S+ \.\/etc\/default\/gatepost$/m);
    expect(deb).toMatch(/^drwx------ root\/root +0 \S+ \S+ \.\/etc\/gatepost\/credentials\/$/m);
    for (const family of ['openwrt', 'overlay']) {
      const listed = run('tar', '-tvzf', `${PACKAGES}gatepost-${version}-${family}-${architecture}.tar.gz`);
      for (const line of listed.trim().split('\n')) expect(line).toMatch(/^[-d][-rwx]{9} 0\/0 /);
      expect(listed).toMatch(/^-rwxr-xr-x .* \.\/usr\/bin\/gatepost$/m);
    }
  });
});

const TOOLS = [...BOARD_TOOLS, 'mmdebstrap', 'chroot'];

describeWith(
  TOOLS,
  'the .deb in a Debian root',
  () => {
    const root = temporaryFolder();
    const inRoot = (...argv: string[]) => run('chroot', root, ...argv);
    beforeAll(() => {
      chmodSync(root, 0o755);
      const include = ['init-system-helpers', 'libstdc++6', 'libgcc-s1', 'libatomic1'];
      debianRoot({ architecture: 'amd64', variant: 'essential', include, to: `${root}/debian.tar` });
      run('tar', '-xf', `${root}/debian.tar`, '-C', root, '--exclude=./dev/*');
      rmSync(`${root}/debian.tar`);
    }, 180_000);

    const relays: RelayProcess[] = [];
    afterAll(async () => {
      for (const relay of relays) await relay.end('SIGKILL');
    });
    /** As the unit would: its folders, the environment file. */
    const start = async () => {
      const environment = Object.fromEntries(
        readFileSync(`${root}/etc/default/gatepost`, 'utf8')
          .split('\n')
          .filter((line) => /^GATEPOST_\w+=/.test(line))
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
      mkdirSync(`${root}/proc/self`, { recursive: true });
      const relay = await startProcess(
        { ...environment, GATEPOST_SPOOL_DIR: '/var/lib/gatepost' },
        { program: [whereIs('chroot'), root, '/usr/bin/gatepost'] },
      );
      relays.push(relay);
      return relay;
    };
    const install = (deb: string) => {
      copyFileSync(deb, `${root}/gatepost.deb`);
      return inRoot('dpkg', '-i', '/gatepost.deb');
    };
    /** The same package with a higher version. */
    const newer = () => {
      const folder = temporaryFolder();
      run('dpkg-deb', '-R', `${PACKAGES}gatepost_${version}_amd64.deb`, `${folder}/tree`);
      const control = `${folder}/tree/DEBIAN/control`;
      writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*$/m, 'Version: 99.0'));
      run('dpkg-deb', '--root-owner-group', '-Zgzip', '-z1', '--build', `${folder}/tree`, `${folder}/newer.deb`);
      return `${folder}/newer.deb`;
    };
    const messages = async (relay: RelayProcess) => (await relay.waitFor(({ event }) => event === 'spoolRecovered'))['messages'];

    test('install, run, upgrade with the queue kept, remove, install again, purge', { timeout: 180_000 }, async () => {
      const deb = `${PACKAGES}gatepost_${version}_amd64.deb`;
      expect(install(deb)).toContain('set GATEPOST_UPSTREAM in /etc/default/gatepost');
      expect(inRoot('gatepost', 'version')).toContain(`gatepost ${version}`);
      expect(readdirSync(`${root}/etc/systemd/system/multi-user.target.wants`)).toContain('gatepost.service');
      expect(() => inRoot('dpkg', '--verify', 'gatepost')).not.toThrow();

      const settings = `${root}/etc/default/gatepost`;
      writeFileSync(settings, `${readFileSync(settings, 'utf8')}GATEPOST_UPSTREAM=smtp://u:p@127.0.0.1:${await freePort()}\n`);
      const first = await start();
      const camera = nodemailer.createTransport({ host: '127.0.0.1', port: first.port, ignoreTLS: true });
      for (const subject of ['one', 'two']) await camera.sendMail({ from: 'cam@example.org', to: 'you@example.org', subject, text: 'x' });
      await first.end('SIGKILL');

      install(newer());
      expect(inRoot('dpkg-query', '-W', '-f', `\${Version}`, 'gatepost')).toBe('99.0');
      expect(readFileSync(settings, 'utf8')).toMatch(/^GATEPOST_UPSTREAM=smtp:/m); // the owner's file is the owner's
      const second = await start();
      expect(await messages(second)).toBe(2);
      expect(await second.end()).toBe(0);

      inRoot('dpkg', '-r', 'gatepost');
      expect(existsSync(`${root}/usr/bin/gatepost`)).toBe(false);
      install(deb);
      const third = await start();
      expect(await messages(third)).toBe(2);
      expect(await third.end()).toBe(0);

      inRoot('dpkg', '--purge', 'gatepost');
      for (const path of ['/usr/bin/gatepost', '/etc/default/gatepost', '/etc/gatepost', '/var/lib/gatepost'])
        expect(existsSync(root + path), path).toBe(false);
      const left = readdirSync(`${root}/etc/systemd`, { recursive: true, encoding: 'utf8' });
      expect(left.filter((path) => path.includes('gatepost'))).toEqual([]);
    });
  },
  true,
);

describeWith(
  [...BOARD_TOOLS, 'busybox', 'chroot'],
  'the OpenWrt overlay in a root without glibc',
  () => {
    describe.each(ARCHITECTURES)('%s', (architecture) => {
      const root = temporaryFolder();
      const { emulator } = RUNTIMES[architecture];
      const isForeign = !isNative(architecture) && emulator !== undefined;
      const relayIn = isForeign ? ['/emulator', '/usr/bin/gatepost'] : ['/usr/bin/gatepost'];

      beforeAll(() => {
        run('tar', '-xzf', `${PACKAGES}gatepost-${version}-openwrt-${architecture}.tar.gz`, '-C', root);
        for (const folder of ['bin', 'etc', 'tmp', 'dev', 'opt/gatepost/spool']) mkdirSync(`${root}/${folder}`, { recursive: true });
        chmodSync(root, 0o755);
        copyFileSync(whereIs('busybox'), `${root}/bin/busybox`);
        if (isForeign) copyFileSync(whereIs(emulator), `${root}/emulator`);
      });

      test('runs, and does its work', { timeout: 180_000 }, async () => {
        const libraries = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => /(?:^|\/)libc\./.test(path));
        expect(libraries).toEqual(['opt/gatepost/lib/libc.so.6']);
        expect(run('chroot', root, ...relayIn, 'version')).toContain(`gatepost ${version}`);
        await provesItself((environment) =>
          startProcess({ ...environment, GATEPOST_SPOOL_DIR: '/opt/gatepost/spool' }, { program: [whereIs('chroot'), root, ...relayIn] }),
        );
      });

      test('its scripts are right for BusyBox, and procd is asked to start what lies in the package', () => {
        for (const name of ['etc/init.d/gatepost', 'etc/uci-defaults/90-gatepost', 'usr/lib/gatepost/supervise'])
          run('chroot', root, '/bin/busybox', 'sh', '-n', `/${name}`);
        // In procd's place: prints its arguments.
        const procd = ['open_instance', 'set_param', 'close_instance'].map((name) => `procd_${name}() { echo "${name} $*"; };`).join(' ');
        const started = run('chroot', root, '/bin/busybox', 'sh', '-c', `${procd} . /etc/init.d/gatepost; start_service`);
        const [, supervise = '', environment = ''] = /^set_param command (\S+) (\S+) \/opt\/gatepost\/spool$/m.exec(started) ?? [];
        for (const path of [supervise, environment]) expect(existsSync(root + path), path).toBe(true);
        // It ends only on purpose: started again, a wrong configuration would fill the log.
        expect(started).not.toContain('respawn');
      });
    });
  },
  true,
);
