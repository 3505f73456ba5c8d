// What systemd gives a service in its environment: sockets that it has bound, and how it watches whether the service
// hangs.

import type { HeartbeatSettings } from '../system/heartbeat.ts';
import type { PassedSocket } from '../vocabulary/endpoint.ts';
import type { Environment } from './sources.ts';

// SD_LISTEN_FDS_START
const FIRST_PASSED = 3;

/**
 * The sockets that are passed to this process, sd_listen_fds(3); none where the variables are meant for another
 * process.
 */
export function passedSockets(environment: Environment): readonly PassedSocket[] {
  const count = environment['LISTEN_PID'] === String(process.pid) ? Number(environment['LISTEN_FDS'] ?? 0) : 0;
  const names = environment['LISTEN_FDNAMES']?.split(':') ?? [];
  return Array.from({ length: count }, (_, at) => ({ descriptor: FIRST_PASSED + at, tls: names[at] === 'smtps' }));
}

/** Who watches this process, sd_notify(3) and sd_watchdog_enabled(3); `file` is GATEPOST_ALIVE_FILE. */
export function heartbeatSettings(environment: Environment, file: string | undefined): HeartbeatSettings {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid = String(process.pid), PATH: path } = environment;
  const milliseconds = Number(microseconds) / 1000;
  return {
    watchdog: milliseconds > 0 && pid === String(process.pid) ? milliseconds : undefined,
    file,
    systemd: socket ? { socket, path: path ?? '/usr/bin:/bin' } : undefined,
  };
}
