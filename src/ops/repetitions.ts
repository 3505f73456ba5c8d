// Keeps what a device does over and over from filling the log, which on many boards is a flash card, too: the
// first of its kind is let through, then one a minute with a count.

import type { Clock } from '../system/clock.ts';

// Kinds that are told apart; beyond it the rest counts as one.
const MOST_KINDS = 256;
const MINUTE = 60_000;

type Kind<T> = { latest: T; count: number };

export class Repetitions<T> {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #tell: (latest: T, count: number) => void;
  readonly #kinds = new Map<string, Kind<T>>();

  /** `tell` is called at the end of a minute in which more of a kind came, with the latest and how many there were. */
  constructor(clock: Pick<Clock, 'after'>, tell: (latest: T, count: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Whether it is the first of its kind, and to be told now. */
  isFirst(kind: string, one: T): boolean {
    const name = this.#kinds.has(kind) || this.#kinds.size < MOST_KINDS ? kind : '';
    const known = this.#kinds.get(name);
    if (known !== undefined) {
      known.latest = one;
      known.count += 1;
      return false;
    }
    this.#kinds.set(name, { latest: one, count: 0 });
    this.#wait(name);
    return true;
  }

  /** Tells all that was kept back. */
  flush(): void {
    for (const name of [...this.#kinds.keys()]) this.#tellOf(name);
  }

  #wait(name: string): void {
    this.#clock.after(MINUTE, () => {
      if (this.#tellOf(name)) this.#wait(name);
      else this.#kinds.delete(name);
    });
  }

  #tellOf(name: string): boolean {
    const kind = this.#kinds.get(name);
    if (kind === undefined || kind.count === 0) return false;
    this.#tell(kind.latest, kind.count);
    kind.count = 0;
    return true;
  }
}
