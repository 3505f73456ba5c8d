import { expect, test } from 'vitest';
import { heartbeatSettings, passedSockets } from '../../src/config/systemd.ts';
import { configOf, UPSTREAM } from '../support/config.ts';

const ME = String(process.pid);

test.each([
  [{}, { watchdog: undefined, systemd: undefined }],
  [
    { NOTIFY_SOCKET: '@here', WATCHDOG_USEC: '180000000' },
    { watchdog: 180_000, systemd: { socket: '@here', path: '/usr/bin:/bin' } },
  ],
  [
    { NOTIFY_SOCKET: '', WATCHDOG_USEC: '180000000', WATCHDOG_PID: ME },
    { watchdog: 180_000, systemd: undefined },
  ],
  [{ WATCHDOG_USEC: '180000000', WATCHDOG_PID: String(process.pid + 1) }, { watchdog: undefined }], // meant for another process
  [{ WATCHDOG_USEC: 'soon' }, { watchdog: undefined }],
])('heartbeat of %j', (environment, heartbeat) => expect(heartbeatSettings(environment, undefined)).toMatchObject(heartbeat));

test('the file that shows a heartbeat is a variable', () => {
  const environment = { ...UPSTREAM, WATCHDOG_USEC: '0', GATEPOST_ALIVE_FILE: '/run/alive' };
  expect(configOf(environment).relay.heartbeat).toMatchObject({ watchdog: undefined, file: '/run/alive' });
});

test('sockets are taken when they are meant for this process, and then in place of LISTEN', () => {
  const passed = { LISTEN_PID: ME, LISTEN_FDS: '2', LISTEN_FDNAMES: 'smtp:smtps' };
  const sockets = [
    { descriptor: 3, tls: false },
    { descriptor: 4, tls: true },
  ];
  expect(passedSockets(passed)).toEqual(sockets);
  expect(passedSockets({ ...passed, LISTEN_PID: '1' })).toEqual([]);
  expect(configOf({ ...UPSTREAM, ...passed }).server.listen).toEqual(sockets);
});
