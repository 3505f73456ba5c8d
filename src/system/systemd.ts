// Tells systemd how the relay is, in the words of sd_notify(3). Node has no datagrams on Unix sockets, so the
// program systemd-notify sends them: some 8 ms of one core and 6 MiB for that long, twice in each WatchdogSec=.

import { spawn } from 'node:child_process';
import type { Clock } from './clock.ts';
import { beat, type Heartbeat, type HeartbeatParts, type Systemd } from './heartbeat.ts';

const PROGRAM = 'systemd-notify';
// It waits for systemd to take the word, for 5 s by itself.
const LONGEST = 10_000;

/** READY=1 and a line of status once the relay listens, signs of life as the watchdog wants them, STOPPING=1. */
export function notifySystemd(to: Systemd, { settings: { watchdog }, clock, complain }: HeartbeatParts): Heartbeat {
  let isListening = false;
  let hasComplained = false;
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  const notify = async (words: readonly string[]) => {
    const problem = await send(to, words, clock);
    if (problem === undefined || hasComplained) return;
    hasComplained = true;
    complain(`systemd is not told that the relay lives, and may end it: ${problem}`);
  };
  /** One after the other, never two at once. */
  const tell = (...words: string[]): void => {
    waiting += 1;
    last = last
      .then(() => notify(words))
      .finally(() => {
        waiting -= 1;
      });
  };
  const sign = () => {
    // A word that is still on its way is a sign of life itself.
    if (waiting > 0) return;
    // A large spool on a slow card may take longer than TimeoutStartSec=: as long as the loop turns, it may.
    tell(isListening ? 'WATCHDOG=1' : `EXTEND_TIMEOUT_USEC=${(watchdog ?? 0) * 1000}`);
  };
  const cancel = watchdog === undefined ? () => {} : beat(clock, watchdog, sign);
  return {
    listening(words) {
      isListening = true;
      tell('READY=1', `STATUS=${words}`);
    },
    async stop() {
      cancel();
      if (isListening) tell('STOPPING=1');
      isListening = false;
      await last;
    },
  };
}

/** Runs the program, with an environment that has nothing of ours. Resolves with what went wrong. */
function send({ socket, path }: Systemd, words: readonly string[], clock: Clock): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(PROGRAM, words, { env: { NOTIFY_SOCKET: socket, PATH: path }, stdio: 'ignore' });
    const cancel = clock.after(LONGEST, () => child.kill('SIGKILL'));
    const finish = (problem: string | undefined) => {
      cancel();
      resolve(problem);
    };
    child.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      finish(code === 'ENOENT' ? `the program ${PROGRAM} is missing` : message);
    });
    child.once('exit', (code, signal) => finish(code === 0 ? undefined : `${PROGRAM} ended with ${signal ?? `exit code ${code}`}`));
  });
}
