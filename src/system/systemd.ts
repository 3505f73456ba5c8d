// Notifies systemd of the relay's state, as sd_notify(3) has it. Node has no datagrams on Unix sockets, so the program
// systemd-notify sends them: some 8 ms of one core and 6 MiB for that long, twice in each WatchdogSec=.

import { spawn } from 'node:child_process';
import type { Cancel, Clock } from './clock.ts';
import { beat, type Heartbeat, type HeartbeatParts, type Systemd } from './heartbeat.ts';

const PROGRAM = 'systemd-notify';
// Ms. The program waits up to 5 s for systemd to take the message.
const LONGEST = 10_000;

/** READY=1 and a line of status once the relay listens, signs as often as the watchdog wants them, STOPPING=1. */
export class NotifiedSystemd implements Heartbeat {
  readonly #to: Systemd;
  readonly #watchdog: number | undefined;
  readonly #clock: Clock;
  readonly #complain: (problem: string) => void;
  readonly #cancel: Cancel;
  #isListening = false;
  #hasComplained = false;
  // Notifications go one after the other, never two at once.
  #unsent = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(to: Systemd, { settings: { watchdog }, clock, complain }: HeartbeatParts) {
    this.#to = to;
    this.#watchdog = watchdog;
    this.#clock = clock;
    this.#complain = complain;
    this.#cancel = watchdog === undefined ? () => {} : beat(clock, watchdog, () => this.#sign());
  }

  /** As Heartbeat has it. */
  listening(status: string): void {
    this.#isListening = true;
    this.#notify('READY=1', `STATUS=${status}`);
  }

  /** As Heartbeat has it; resolves when systemd has been notified of all. */
  async stop(): Promise<void> {
    this.#cancel();
    if (this.#isListening) this.#notify('STOPPING=1');
    this.#isListening = false;
    await this.#last;
  }

  #sign(): void {
    // A notification that is still on its way is a sign itself.
    if (this.#unsent > 0) return;
    // A large spool on a slow card may take longer than TimeoutStartSec=: as long as the event loop runs, it may.
    this.#notify(this.#isListening ? 'WATCHDOG=1' : `EXTEND_TIMEOUT_USEC=${(this.#watchdog ?? 0) * 1000}`);
  }

  #notify(...variables: string[]): void {
    this.#unsent += 1;
    this.#last = this.#last
      .then(async () => {
        const problem = await send(this.#to, variables, this.#clock);
        if (problem === undefined || this.#hasComplained) return;
        this.#hasComplained = true;
        this.#complain(`systemd can't be notified that the relay works, and may end it: ${problem}`);
      })
      .finally(() => {
        this.#unsent -= 1;
      });
  }
}

/** Runs the program, in an environment that has nothing of ours. Resolves with what went wrong, as a clause. */
function send({ socket, path }: Systemd, variables: readonly string[], clock: Clock): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(PROGRAM, variables, { env: { NOTIFY_SOCKET: socket, PATH: path }, stdio: 'ignore' });
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
