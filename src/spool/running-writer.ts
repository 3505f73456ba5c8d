// Has the running time written: once an hour while messages wait and nothing else that carries it is written. So a
// power cut costs an hour of age at most.

import type { Cancel, Clock } from '../system/clock.ts';
import type { SpoolFacts } from './facts.ts';
import type { Log } from './log.ts';
import type { Messages } from './messages.ts';
import type { RunningTime } from './running.ts';

const MOST_UNCARRIED = 3_600_000;

type RunningTimeWriterParts = {
  readonly clock: Clock;
  readonly running: RunningTime;
  readonly messages: Messages;
  readonly facts: SpoolFacts;
  readonly log: Log;
};

/** Writes the running time at least once an hour while messages wait. */
export class RunningTimeWriter {
  readonly #parts: RunningTimeWriterParts;
  #cancel: Cancel | undefined;

  /** Writes nothing before `watch` is called. */
  constructor(parts: RunningTimeWriterParts) {
    this.#parts = parts;
  }

  /** Begins, unless it has; it ends by itself when no message waits. */
  watch(): void {
    const { clock, running, messages, facts, log } = this.#parts;
    this.#cancel ??= clock.after(MOST_UNCARRIED - running.uncarried, () => {
      this.#cancel = undefined;
      if (messages.count === 0) return;
      if (running.uncarried >= MOST_UNCARRIED) log.appendSoon(facts.frame());
      this.watch();
    });
  }

  /** Ends it at once. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
