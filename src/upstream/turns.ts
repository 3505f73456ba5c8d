// Whose turn it is at an upstream that takes one connection at a time. Where it takes more, everybody's turn is at
// once.

/** Counts what is under way, and lets what comes wait. */
export class Turns {
  readonly #isSingle: () => boolean;
  #active = 0;
  readonly #waiting: (() => void)[] = [];

  /** `isSingle` is asked at each turn, since it may be learned meanwhile. */
  constructor(isSingle: () => boolean) {
    this.#isSingle = isSingle;
  }

  /** How many have their turn. */
  get active(): number {
    return this.#active;
  }

  /** Runs `work` in its turn; where `stop` aborts, the wait ends at once. */
  async take<T>(work: () => Promise<T>, stop: AbortSignal): Promise<T> {
    while (this.#isSingle() && this.#active > 0 && !stop.aborted) await this.#next(stop);
    this.#active += 1;
    try {
      return await work();
    } finally {
      this.#active -= 1;
      if (this.#active === 0 || !this.#isSingle()) this.#waiting.shift()?.();
    }
  }

  #next(stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        stop.removeEventListener('abort', go);
        const at = this.#waiting.indexOf(go);
        if (at >= 0) this.#waiting.splice(at, 1);
        resolve();
      };
      this.#waiting.push(go);
      stop.addEventListener('abort', go, { once: true });
    });
  }
}
