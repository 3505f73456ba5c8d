// Shows whoever supervises this process that its event loop turns. A program that hangs is still there, with
// its ports open: only this tells it from one that works, and lets it be started again. A thread that watches
// would do without a supervisor, but costs some 8 MiB of private memory, which small boards don't have.
//
// There are two ways, both only when the environment asks for them: systemd is told with systemd-notify, as a
// service of Type=notify with WatchdogSec= expects it; elsewhere the content of a file changes, and a script
// looks whether it does. Neither depends on the date, which may jump.

import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import type { Cancel, Clock } from './clock.ts';

export interface Heartbeat {
  /** The ports listen: what was a start is now a relay. `words` are for people. */
  listening(words: string): void;
  /** The relay stops, or could not start. Once is enough; again does nothing. */
  stop(): Promise<void>;
}

export type HeartbeatSettings = {
  /** Milliseconds after which the supervisor takes silence for a hang: it gets a sign twice as often. Absent when it did not say. */
  readonly watchdog: number | undefined;
  readonly file: string | undefined;
  readonly systemd: Systemd | undefined;
};

/** `socket`: where systemd listens, a path, or `@` and an abstract name. `path`: where programs are looked for. */
export type Systemd = { readonly socket: string; readonly path: string };

export type HeartbeatParts = {
  readonly settings: HeartbeatSettings;
  readonly clock: Clock;
  /** Told once what keeps the supervisor from hearing us, as a sentence; the relay goes on without. */
  readonly complain: (problem: string) => void;
};

/** Begins at once, so that a start that hangs is noticed, too. */
export async function startHeartbeat(parts: HeartbeatParts): Promise<Heartbeat> {
  const { file, systemd } = parts.settings;
  const hearts: Heartbeat[] = [];
  if (file !== undefined) hearts.push(changeFile(file, parts));
  if (systemd !== undefined) hearts.push((await import('./systemd.ts')).notifySystemd(systemd, parts)); // loads child_process, which nobody else needs
  return {
    listening(words) {
      for (const heart of hearts) heart.listening(words);
    },
    async stop() {
      for (const heart of hearts) await heart.stop();
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

// A script that looks every minute sees three changes.
const USUAL_WATCHDOG = 40_000;

/** The file says `starting` or `listening`, and a count that grows. Written without waiting: in RAM that takes microseconds, and the thread pool may be waiting for a card. */
function changeFile(path: string, { settings, clock, complain }: HeartbeatParts): Heartbeat {
  let state = 'starting';
  let count = 0;
  let hasComplained = false;
  const sign = () => {
    count += 1;
    try {
      overwrite(path, `${state} ${count}\n`);
    } catch (error) {
      if (!hasComplained) complain(`a hang would go unnoticed: the file that shows life can't be written: ${(error as Error).message}`);
      hasComplained = true;
    }
  };
  sign();
  const cancel = beat(clock, settings.watchdog ?? USUAL_WATCHDOG, sign);
  return {
    listening() {
      state = 'listening';
      sign();
    },
    async stop() {
      cancel();
      try {
        rmSync(path, { force: true });
      } catch {
        // What could not be written can't be removed either; it was complained of.
      }
    },
  };
}

// The folder may be one that others can write to.
const OVERWRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

function overwrite(path: string, text: string): void {
  const file = openSync(path, OVERWRITE, 0o644);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}
