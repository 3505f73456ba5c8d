// What the benchmark measures of a server: how fast it accepts, passes on and drains, what it writes, its memory.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figures } from './figures.ts';
import { type LibraryUpstream, libraryUpstream } from './library-upstream.ts';
import { type Load, sendLoad } from './load.ts';

/** Where the servers run: their file system and its device, and the upstream that they deliver to. */
export type Bench = {
  readonly folder: string;
  readonly mount: string;
  /** As /sys/block has it. */
  readonly device: string;
  readonly upstream: LibraryUpstream;
  /** Where no upstream listens, but for the measurement of how fast a queue drains. */
  readonly drainPort: number;
  /** The share of the messages that is sent. */
  readonly scale: number;
};

/** A server under test: how to start it, with an upstream that is up or down. */
export type Subject = {
  readonly name: string;
  /** Resolves once it listens. It keeps its files in the folder `own`, which is not there yet. */
  start(bench: Bench, own: string, mode: 'up' | 'down'): Promise<Running>;
};
type Running = {
  readonly port: number;
  /** Their ids, for the memory that they have. */
  processes(): readonly number[];
  /** Tries everything that waits now. */
  hurry(): void;
  end(): Promise<void>;
};

/** One round of one server; what it finds goes to `figures`. */
export class Measurement {
  readonly #bench: Bench;
  readonly #subject: Subject;
  readonly #figures: Figures;
  #starts = 0;

  constructor(bench: Bench, subject: Subject, figures: Figures) {
    this.#bench = bench;
    this.#subject = subject;
    this.#figures = figures;
  }

  /** Takes about a minute; rejects when a message is refused. */
  async all(): Promise<void> {
    for (const [connections, messages] of [
      [1, 1000],
      [10, 4000],
      [50, 4000],
    ] as const)
      await this.#accept(connections, messages);
    for (const [octets, messages] of [
      [4096, 2000],
      [300 * 1024, 200],
    ] as const)
      for (const mode of ['down', 'up'] as const) await this.#pass(octets, messages, mode);
    await this.#drain();
    await this.#memory();
  }

  /** How fast messages of 4 KiB are accepted while the upstream is down. */
  #accept(connections: number, messages: number): Promise<void> {
    return this.#whileRunning('down', async ({ port }) => {
      await sendLoad(this.#load(port, connections, 200, 4096));
      const { perSecond, median, p99 } = await sendLoad(this.#load(port, connections, messages, 4096));
      this.#figures.note(`accepted a second, 4 KiB, ${connections} connections`, perSecond);
      this.#figures.note(`wait for 250 after the dot, ms, median, ${connections} connections`, median);
      this.#figures.note(`wait for 250 after the dot, ms, 99 %, ${connections} connections`, p99);
    });
  }

  /** What is written to the device a message, and how fast it reaches the upstream. */
  #pass(octets: number, messages: number, mode: 'up' | 'down'): Promise<void> {
    const { upstream } = this.#bench;
    return this.#whileRunning(mode, async ({ port }) => {
      const before = this.#written();
      const delivered = upstream.delivered.length;
      const wanted = this.#load(port, 10, messages, octets);
      const started = performance.now();
      await sendLoad(wanted);
      if (mode === 'up') {
        await upstream.waitFor(delivered + wanted.messages);
        const seconds = (performance.now() - started) / 1000;
        this.#figures.note(`device to upstream, messages a second, ${octets / 1024} KiB`, wanted.messages / seconds);
      }
      const written = this.#written() - before;
      this.#figures.note(`KiB written a message of ${octets / 1024} KiB, upstream ${mode}`, written / wanted.messages);
      upstream.delivered.length = 0;
    });
  }

  /** How fast a queue empties once the upstream is back. */
  #drain(): Promise<void> {
    return this.#whileRunning('down', async ({ port, hurry }) => {
      const wanted = this.#load(port, 10, 1000, 4096);
      await sendLoad(wanted);
      const back = await libraryUpstream({ port: this.#bench.drainPort, certificate: this.#bench.upstream.certificate });
      const started = performance.now();
      hurry();
      await back.waitFor(wanted.messages);
      const seconds = (performance.now() - started) / 1000;
      this.#figures.note('drained a second once the upstream is back, 4 KiB', wanted.messages / seconds);
      await back.close();
    });
  }

  /** Memory when idle, and how much more ten large messages at once take. */
  #memory(): Promise<void> {
    return this.#whileRunning('down', async (running) => {
      const idle = memoryOf(running);
      this.#figures.note('private dirty memory idle, MiB', idle);
      let most = idle;
      const watch = setInterval(() => {
        most = Math.max(most, memoryOf(running));
      }, 20);
      await sendLoad({ port: running.port, connections: 10, messages: 10, octets: 10 * 1024 * 1024 });
      clearInterval(watch);
      this.#figures.note('growth under ten 10 MiB messages at once, MiB', most - idle);
    });
  }

  async #whileRunning(mode: 'up' | 'down', measure: (running: Running) => Promise<void>): Promise<void> {
    const own = join(this.#bench.mount, `${this.#subject.name}-${this.#starts++}`);
    const running = await this.#subject.start(this.#bench, own, mode);
    try {
      await measure(running);
    } finally {
      await running.end();
    }
  }

  #load(port: number, connections: number, messages: number, octets: number): Load {
    return { port, connections, messages: Math.ceil(messages * this.#bench.scale), octets };
  }

  /** KiB written to the loop device so far, everything in the cache written out first. */
  #written(): number {
    execFileSync('sync', ['-f', this.#bench.mount]);
    const fields = readFileSync(`/sys/block/${this.#bench.device}/stat`, 'utf8').trim().split(/\s+/);
    return Number(fields[6]) / 2;
  }
}

/** Private dirty memory in MiB. */
function memoryOf(running: Running): number {
  return running.processes().reduce((sum, pid) => {
    try {
      return sum + Number(/Private_Dirty:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return sum; // it has just ended
    }
  }, 0);
}
