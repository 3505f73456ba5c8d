// Keeps what a device does over and over from filling the log, which lies on the flash card of many boards, too: the
// first of each kind is passed on at once, then one a minute with a count.

import type { Clock } from '../system/clock.ts';

// The most kinds that are distinguished; all further ones count as one kind.
const MOST_KINDS = 256;
const MINUTE = 60_000;

type Kind<T> = { latest: T; count: number };

/** Counts what comes repeatedly. */
export class Repetitions<T> {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #report: (latest: T, count: number) => void;
  readonly #kinds = new Map<string, Kind<T>>();

  /**
   * `report` is called at the end of a minute in which more of a kind came, with the latest and how many there were.
   */
  constructor(clock: Pick<Clock, 'after'>, report: (latest: T, count: number) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Whether it is the first of its kind, and to be reported at once; otherwise it is counted. */
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

  /** Reports all that was counted and not reported yet. */
  flush(): void {
    for (const name of [...this.#kinds.keys()]) this.#reportKind(name);
  }

  #wait(name: string): void {
    this.#clock.after(MINUTE, () => {
      if (this.#reportKind(name)) this.#wait(name);
      else this.#kinds.delete(name);
    });
  }

  #reportKind(name: string): boolean {
    const kind = this.#kinds.get(name);
    if (kind === undefined || kind.count === 0) return false;
    this.#report(kind.latest, kind.count);
    kind.count = 0;
    return true;
  }
}
