// Shows the supervisor of this process that its event loop runs. A process that hangs still exists, with its ports
// open: only by this sign the supervisor can see the difference, and start the relay again. A thread that watches would
// need no supervisor, but it costs some 8 MiB of private memory, which small boards don't have.
//
// There are two ways, both only when the environment asks for them: systemd is notified by systemd-notify, as a
// service of Type=notify with WatchdogSec= expects it; elsewhere the content of a file changes, and a script looks
// whether it does. Neither depends on the date, which may jump.

import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import type { Cancel, Clock } from './clock.ts';
import { problemOf } from './problem.ts';

/** Signs for a supervisor that the relay works, from the start of the relay to its stop. */
export interface Heartbeat {
  /** To be called when the ports listen: the relay no longer starts, but works. `status` is for people. */
  listening(status: string): void;
  /** To be called when the relay stops, or could not start; a second call does nothing. Never rejects. */
  stop(): Promise<void>;
}

/** What the environment asks for; no sign is given when it asks for nothing. */
export type HeartbeatSettings = {
  /**
   * Ms after which the supervisor takes silence for a hang: it gets a sign twice as often. Undefined when it did
   * not say.
   */
  readonly watchdog: number | undefined;
  /** The path of the file that is to change. */
  readonly file: string | undefined;
  readonly systemd: Systemd | undefined;
};

/** `socket`: where systemd listens, a path, or `@` and an abstract name. `path`: where programs are looked for. */
export type Systemd = { readonly socket: string; readonly path: string };

/** What a heartbeat is made from. */
export type HeartbeatParts = {
  readonly settings: HeartbeatSettings;
  readonly clock: Clock;
  /** Called once for each way with what prevents it, as a sentence; the relay goes on without. */
  readonly complain: (problem: string) => void;
};

/** Begins at once, so that a start that hangs is noticed, too. Never rejects: what goes wrong is complained of. */
export async function startHeartbeat(parts: HeartbeatParts): Promise<Heartbeat> {
  const { file, systemd } = parts.settings;
  const all: Heartbeat[] = [];
  if (file !== undefined) all.push(new ChangingFile(file, parts));
  // Imported only here, since it loads child_process, which nothing else needs.
  if (systemd !== undefined) all.push(new (await import('./systemd.ts')).NotifiedSystemd(systemd, parts));
  return {
    listening(status) {
      for (const heartbeat of all) heartbeat.listening(status);
    },
    async stop() {
      for (const heartbeat of all) await heartbeat.stop();
    },
  };
}

/** Calls `sign` twice in each `watchdog` milliseconds until the returned function is called. */
export function beat(clock: Clock, watchdog: number, sign: () => void): Cancel {
  let cancel: Cancel = () => {};
  const next = () => {
    cancel = clock.after(watchdog / 2, () => {
      sign();
      next();
    });
  };
  next();
  return () => cancel();
}

// Ms. A script that looks every minute sees three changes.
const USUAL_WATCHDOG = 40_000;

/**
 * A file that holds `starting` or `listening`, and a count that grows. Written synchronously: in RAM that takes
 * microseconds, and the thread pool may be waiting for a slow card.
 */
class ChangingFile implements Heartbeat {
  readonly #path: string;
  readonly #complain: (problem: string) => void;
  readonly #cancel: Cancel;
  #state: 'starting' | 'listening' = 'starting';
  #count = 0;
  #hasComplained = false;

  constructor(path: string, { settings, clock, complain }: HeartbeatParts) {
    this.#path = path;
    this.#complain = complain;
    this.#change();
    this.#cancel = beat(clock, settings.watchdog ?? USUAL_WATCHDOG, () => this.#change());
  }

  listening(): void {
    this.#state = 'listening';
    this.#change();
  }

  async stop(): Promise<void> {
    this.#cancel();
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // What could not be written can't be removed either; it was complained of.
    }
  }

  #change(): void {
    this.#count += 1;
    try {
      overwrite(this.#path, `${this.#state} ${this.#count}\n`);
    } catch (error) {
      if (!this.#hasComplained) this.#complain(`a hang would not be noticed: GATEPOST_ALIVE_FILE can't be written: ${problemOf(error)}`);
      this.#hasComplained = true;
    }
  }
}

// The folder may be one that others can write to: a link in the file's place is not followed.
const OVERWRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

function overwrite(path: string, text: string): void {
  const file = openSync(path, OVERWRITE, 0o644);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}
