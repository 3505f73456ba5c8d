// What a benchmark found, as a table: medians of each server, and their ratio.

/** Figures by what they measure; several of one kind come from several rounds. */
export class Figures {
  readonly #all = new Map<string, number[]>();

  /** Keeps one more value of that kind. */
  note(what: string, value: number): void {
    this.#all.set(what, [...(this.#all.get(what) ?? []), value]);
  }

  /** Markdown, a line a kind in the order in which they came: the medians of these, of the others', and the ratio. */
  table(own: string, others: string, of: Figures): string {
    const lines = [...this.#all].map(([what, values]) => {
      const ours = median(values);
      const theirs = median(of.#all.get(what) ?? []);
      return `| ${what} | ${shown(ours)} | ${shown(theirs)} | ${(ours / theirs).toFixed(2)} |\n`;
    });
    return [`| what | ${own} | ${others} | ${own} / ${others} |\n| --- | --- | --- | --- |\n`, ...lines].join('');
  }
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const shown = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2));
