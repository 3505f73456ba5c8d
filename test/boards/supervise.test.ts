// The relay on a system without systemd: the init script, what supervises the relay, and the user and the port
// that it gets.

import { chownSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { whereIs } from '../../scripts/lib/run.ts';
import { BOARD_TOOLS } from '../../scripts/lib/runtimes.ts';
import { changesUntil } from '../support/folders.ts';
import { addProgram, busyBoxRoot, MACHINE_TOOLS, type Machine, startMachine } from '../support/programs/busybox-machine.ts';
import { describeWith } from '../support/programs/installed.ts';

const START = '/etc/init.d/S80gatepost start';
const PORTS = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const LISTENS = /event=started .*listening=0\.0\.0\.0:25/g;

const starts = (log: string) => log.match(LISTENS)?.length ?? 0;
const fieldOf = (pid: number, name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

describeWith(
  [...BOARD_TOOLS, ...MACHINE_TOOLS],
  'a BusyBox system',
  () => {
    const machines: Machine[] = [];
    afterAll(() => {
      for (const machine of machines) machine.off();
    });
    let root: string;
    let machine: Machine;
    beforeEach(async () => {
      root = busyBoxRoot();
      writeFileSync(`${root}/etc/default/gatepost`, '# a comment\nGATEPOST_UPSTREAM=smtp://user:hunter2@127.0.0.1:9\n');
      machine = await startMachine(root);
      machines.push(machine);
    });
    const relay = (): number => {
      const pid = machine.relay();
      if (pid === undefined) throw new Error(`no relay runs: ${machine.log()}`);
      return pid;
    };

    test('the relay has a user and folders of its own and port 25, which nobody else has once it listens', {
      timeout: 60_000,
    }, async () => {
      // Another command of the program that runs meanwhile must not be taken for the relay.
      machine.run('(sleep 600 | /usr/bin/gatepost hash-password) >/dev/null 2>&1 &');
      machine.run(START);
      await machine.logs((log) => starts(log) === 1);
      const pid = relay();
      const [uid = ''] = fieldOf(pid, 'Uid')?.split('\t') ?? [];
      expect(readFileSync(`${root}/etc/passwd`, 'utf8')).toMatch(new RegExp(`^gatepost:x:${uid}:${uid}:`, 'm'));
      expect(['0', '425', '65534']).not.toContain(uid); // 425 is taken in this root
      expect(fieldOf(pid, 'Groups')?.trim()).toBe(uid);
      expect(fieldOf(pid, 'CapEff')).toMatch(/^0+$/);
      expect(machine.run('echo QUIT | nc 127.0.0.1 25')).toMatch(/^220 /);
      for (const folder of ['run/gatepost', 'var/lib/gatepost'])
        expect(lstatSync(`${root}/${folder}`)).toMatchObject({ uid: Number(uid), gid: Number(uid), mode: 0o40700 });
      expect(existsSync(`${root}/run/gatepost.log`)).toBe(false);
      while (machine.run(`cat ${PORTS}`) !== '1024\n') await new Promise((resolve) => setTimeout(resolve, 100));
      expect(machine.log()).not.toContain('hunter2');

      machine.run(START); // once is enough
      machine.run('/etc/init.d/S80gatepost restart');
      await machine.logs((log) => starts(log) === 2);
      expect(relay()).not.toBe(pid);
      expect(readFileSync(`${root}/etc/passwd`, 'utf8').match(/^gatepost:/gm)).toHaveLength(1);
      machine.run('/etc/init.d/S80gatepost stop');
      expect(machine.relay()).toBeUndefined();
      // The logger and syslogd are processes of their own, and may be a moment behind.
      await machine.logs((log) => log.match(/event=stopped/g)?.length === 2);
      while (/supervise|logger/.test(machine.run('ps -o args'))) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(machine.log()).not.toContain('gatepost-supervise');
      expect(existsSync(`${root}/run/gatepost/alive`)).toBe(false);
    });

    test('a relay that hangs is killed, and a new one takes over', { timeout: 60_000 }, async () => {
      machine.run(`LOOK_EVERY=3 ${START}`);
      await machine.logs((log) => starts(log) === 1);
      const first = relay();
      // One that works outlives many looks: its file changes each second here.
      const signs = () => Number(/\d+/.exec(readFileSync(`${root}/run/gatepost/alive`, 'utf8'))?.[0] ?? 0);
      await changesUntil(`${root}/run/gatepost`, () => signs() >= 12);
      expect(relay()).toBe(first);
      process.kill(first, 'SIGSTOP');
      await machine.logs((log) => starts(log) === 2);
      expect(machine.log()).toMatch(/gatepost-supervise: the relay has given no sign for 6 s: it hangs, and is killed/);
      expect(machine.log()).toMatch(/gatepost-supervise: the relay ended with exit code 137; it is started again in 5 s/);
      expect(relay()).not.toBe(first);
      expect(machine.run('echo QUIT | nc 127.0.0.1 25')).toMatch(/^220 /);
    });

    test('a wrong configuration stops it for good, with a reason', async () => {
      writeFileSync(`${root}/etc/default/gatepost`, 'GATEPOST_UPSTREAM=smtp://127.0.0.1:9\nGATEPOST_FOO=1\n');
      machine.run(START);
      await machine.logs((log) => log.includes('the relay does not run'));
      expect(machine.log()).toMatch(/gatepost: GATEPOST_FOO: there is no such variable/);
      expect(machine.log()).toMatch(/its configuration is wrong \(exit code 78, see the lines above\)\. Correct \/etc\/default\/gatepost/);
      while (/supervise/.test(machine.run('ps -o args'))) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(machine.run(`cat ${PORTS}`)).toBe('1024\n');
    });

    test('one that can not start is tried ever more seldom', { timeout: 60_000 }, async () => {
      writeFileSync(`${root}/etc/default/gatepost`, 'GATEPOST_UPSTREAM=smtp://127.0.0.1:9\nGATEPOST_LISTEN=192.0.2.1:25\n');
      machine.run(START);
      await machine.logs((log) => log.includes('in 10 s'));
      expect(machine.log().match(/is no address of this board/g)).toHaveLength(2);
      expect(machine.log().match(/the relay ended with exit code 69; it is started again in \d+ s/g)).toEqual([
        'the relay ended with exit code 69; it is started again in 5 s',
        'the relay ended with exit code 69; it is started again in 10 s',
      ]);
      machine.run('/etc/init.d/S80gatepost stop'); // does not wait for that
      expect(machine.run('ps -o args')).not.toMatch(/supervise/);
    });

    test('a spool of the user it had before becomes its own, but nothing that a link in it points to', async () => {
      mkdirSync(`${root}/var/lib/gatepost/deep`, { recursive: true });
      writeFileSync(`${root}/etc/precious`, 'root alone');
      symlinkSync('/etc/precious', `${root}/var/lib/gatepost/deep/link`);
      for (const path of ['var/lib/gatepost', 'var/lib/gatepost/deep']) chownSync(`${root}/${path}`, 65534, 65534);
      machine.run(START);
      await machine.logs((log) => starts(log) === 1);
      const { uid } = lstatSync(`${root}/var/lib/gatepost`);
      expect(uid).toBe(426);
      expect(lstatSync(`${root}/var/lib/gatepost/deep`).uid).toBe(uid);
      expect(lstatSync(`${root}/etc/precious`).uid).toBe(0);
    });

    test('without a user, and no way to make one, it says so and starts nothing', async () => {
      machine.run('mount -o bind /etc /etc && mount -o remount,bind,ro /etc');
      machine.run(START);
      await machine.logs((log) => log.includes("there is no user gatepost, and /etc can't be written: the image must bring it"));
      expect(machine.relay()).toBeUndefined();
    });

    test("with util-linux's setpriv the relay keeps the one capability, and no port is opened to others", async () => {
      addProgram(root, whereIs('setpriv'), '/usr/bin/setpriv');
      machine.run('mount -o bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys');
      machine.run(START);
      await machine.logs((log) => starts(log) === 1);
      const pid = relay();
      for (const set of ['CapEff', 'CapPrm', 'CapAmb']) expect(fieldOf(pid, set), set).toBe('0000000000000400'); // CAP_NET_BIND_SERVICE
      expect(fieldOf(pid, 'NoNewPrivs')).toBe('1');
      expect(fieldOf(pid, 'Uid')).not.toMatch(/^0/);
      expect(fieldOf(pid, 'Groups')?.trim()).toBe(fieldOf(pid, 'Gid')?.split('\t')[0]);
      expect(machine.log()).not.toContain('gatepost-supervise');
    });
  },
  true,
);
