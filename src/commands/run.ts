// `gatepost run`: the relay, until it is told to stop.

import { setFlagsFromString } from 'node:v8';
import { createLog } from '../ops/log.ts';
import { CannotStart, startRelay } from '../relay/start.ts';
import { type Clock, type Monotonic, systemClock } from '../system/clock.ts';
import { startHeartbeat } from '../system/heartbeat.ts';
import { systemRandom } from '../system/random.ts';
import { configFromEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';

export async function run(): Promise<void> {
  // Before anything allocates: a young generation that stays small costs little time here, and keeps a burst of mail from growing the heap.
  setFlagsFromString('--semi-space-growth-factor=1');
  const config = configFromEnvironment();
  if (config === undefined) return;
  const log = createLog(config.log, systemClock, writeLine);
  // A log that nobody reads any more is no reason to stop relaying.
  process.stdout.on('error', () => {});
  const stopped = stopSignal(systemClock); // before anything runs, so that a signal during the start stops in order, too
  const heartbeat = await startHeartbeat({
    settings: config.relay.heartbeat,
    clock: systemClock,
    complain: (problem) => process.stderr.write(`gatepost: ${problem}\n`),
  });
  try {
    const relay = await startRelay(config, { clock: systemClock, random: systemRandom }, [log]);
    for (const signal of ['SIGUSR2', 'SIGUSR1'] as const) process.on(signal, () => relay.runNow());
    heartbeat.listening(`listening on ${relay.addresses.join(', ')}`);
    await stopped;
    await Promise.all([heartbeat.stop(), relay.stop()]);
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    process.stderr.write(`gatepost: ${error.message}\n`);
    process.exitCode = EXIT.unavailable;
  } finally {
    await heartbeat.stop();
  }
}

// Octets of the log that wait for a reader who stands still; beyond it lines are dropped, not kept in memory.
const MOST_UNREAD = 256 * 1024;

function writeLine(line: string): boolean {
  if (process.stdout.writableLength > MOST_UNREAD) return false;
  process.stdout.write(line);
  return true;
}

// A Ctrl-C comes from the terminal, and again through npm: both are one.
const SAME_REQUEST = 1000;

/** Resolves at the first SIGTERM or SIGINT; one that comes a second later ends the process at once, which loses nothing that was acknowledged. */
function stopSignal(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let first: Monotonic | undefined;
    const hear = () => {
      first ??= clock.now();
      if (clock.now() - first >= SAME_REQUEST) process.exit(EXIT.temporary);
      resolve();
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, hear);
  });
}
