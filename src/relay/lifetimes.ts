// What is open in the relay: closed in the reverse order of opening, after a start that failed and at the stop alike.

/** A stack of what must be closed. */
export class Lifetimes {
  readonly #open: (() => Promise<unknown>)[] = [];

  /** Adds what was opened last; `close` is called once. */
  push(close: () => Promise<unknown>): void {
    this.#open.push(close);
  }

  /**
   * Closes all, the last first, each after the one before has closed or failed to. Rejects in the end with the first
   * error.
   */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (let close = this.#open.pop(); close !== undefined; close = this.#open.pop()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
