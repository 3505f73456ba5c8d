// `gatepost run`: the relay, until a signal stops it. Every signal that a terminal, a shell or a log rotation sends is
// caught from the first moment on; SIGALRM and the like still end the process, as nobody sends them.

import { setFlagsFromString } from 'node:v8';
import { createLog } from '../ops/log.ts';
import { startRelay } from '../relay/start.ts';
import { CannotStart } from '../relay/trouble.ts';
import { type Clock, type Monotonic, systemClock } from '../system/clock.ts';
import { startHeartbeat } from '../system/heartbeat.ts';
import { systemRandom } from '../system/random.ts';
import { configFromEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';

/**
 * Runs the relay to its end; exit code 69 when it can't start, or when another relay takes its spool, 75 when it is
 * ended in the middle of its stop.
 */
export async function run(): Promise<void> {
  // This comes before anything allocates. A young generation that stays small costs little time here, and keeps a burst
  // of mail from growing the heap.
  setFlagsFromString('--semi-space-growth-factor=1');
  const config = configFromEnvironment();
  if (config === undefined) return;
  const log = createLog(config.log, systemClock, writeLine);
  // The relay goes on when nobody reads its log any more, or its terminal is closed.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const stopped = stopSignal(systemClock); // from here on, so that a signal during the start stops the relay in order, too
  let tryNow = () => {}; // a signal during the start does nothing; left alone, it would end the process
  for (const signal of TRY_NOW) process.on(signal, () => tryNow());
  const heartbeat = await startHeartbeat({
    settings: config.relay.heartbeat,
    clock: systemClock,
    complain: (problem) => process.stderr.write(`gatepost: ${problem}\n`),
  });
  try {
    const relay = await startRelay(config, { clock: systemClock, random: systemRandom }, [log]);
    tryNow = () => relay.runNow();
    heartbeat.listening(`listening on ${relay.addresses.join(', ')}`);
    const problem = await Promise.race([stopped, relay.ousted]);
    await Promise.all([heartbeat.stop(), relay.stop()]);
    if (problem !== undefined) fail(problem);
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    fail(error.message);
  } finally {
    await heartbeat.stop();
  }
}

// SIGHUP comes when the terminal is closed in which the relay was started, and from scripts that rotate logs.
const TRY_NOW = ['SIGUSR2', 'SIGUSR1', 'SIGHUP'] as const;
const STOP = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
function fail(problem: string): void {
  process.stderr.write(`gatepost: ${problem}\n`);
  process.exitCode = EXIT.unavailable;
}

// The most octets of the log that are kept for a reader that does not read; further lines are dropped.
const MOST_UNREAD = 256 * 1024;

function writeLine(line: string): boolean {
  if (process.stdout.writableLength > MOST_UNREAD) return false;
  process.stdout.write(line);
  return true;
}

// One Ctrl-C may come twice, from the terminal and through npm: within so many milliseconds both are one request.
const SAME_REQUEST = 1000;

/**
 * Resolves at the first signal that stops the relay. One that comes a second later or more ends the process at once;
 * nothing that was acknowledged is lost by that.
 */
function stopSignal(clock: Clock): Promise<undefined> {
  return new Promise((resolve) => {
    let first: Monotonic | undefined;
    const handle = () => {
      first ??= clock.now();
      if (clock.now() - first >= SAME_REQUEST) process.exit(EXIT.temporary);
      resolve(undefined);
    };
    for (const signal of STOP) process.on(signal, handle);
  });
}
