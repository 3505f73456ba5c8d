// One connection as awaited lines and chunks, over any Duplex. Both sides of the relay speak through it. Three
// promises: what is queued is flushed before any wait (all that PIPELINING asks of a server, RFC 2920); every wait
// has a deadline; and the peer's slowness is felt by whoever writes (nothing is buffered beyond the socket's own mark).
//
// Pulled with read() and `readable`: `for await` would destroy the socket when its loop is left.

import type { Duplex } from 'node:stream';
import type { Clock, Monotonic } from './clock.ts';
import { tlsProblem } from './tls-problem.ts';

/** `too-slow` and `too-much` are for the wire's user to say: of a message that drips, and of one that never ends. */
export type LossReason = 'closed' | 'broken' | 'timeout' | 'too-slow' | 'too-much' | 'stopped';

/** The connection can't be used any more: the peer closed it, the socket broke, or a deadline passed. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly reason: LossReason;
  constructor(reason: LossReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A line without its end; `bareLf` when that was LF alone. */
export type Line = { readonly octets: Uint8Array; readonly bareLf: boolean };

const LF = 0x0a;
const CR = 0x0d;
// A line that is too long is read to its end, so that the next one is the next command; but not for ever.
const LONGEST_DROPPED = 2 ** 20;
// Ms that the peer has to take what is left when we close, and as many to close its side. It needs a round trip for
// each; a stop of the relay waits for it.
const CLOSE_WITHIN = 2_000;

/**
 * A connection. All times are milliseconds; whatever waits rejects with ConnectionLost. One call at a time: the wire
 * serves a dialogue, in which nobody reads and writes at once.
 */
export class Wire {
  readonly #duplex: Duplex;
  readonly #clock: Clock;
  readonly #stop: AbortSignal | undefined;
  readonly #unread: Buffer[] = [];
  #queued: Uint8Array[] = [];
  // A peer may close its side and still read ours (`printf ... | nc`): the two directions end apart.
  #readingEnded: ConnectionLost | undefined;
  #writingEnded: ConnectionLost | undefined;
  #heardAt: Monotonic;
  #silentSince: Monotonic | undefined;
  /** Ends the wait that is going on, if any. */
  #wake = () => {};

  readonly #onStop = () => this.#endReading(new ConnectionLost('stopped', 'the relay is stopping'));
  readonly #listeners = {
    readable: () => this.#wake(),
    drain: () => this.#wake(),
    end: () => this.#endReading(new ConnectionLost('closed', 'the peer closed the connection')),
    close: () => this.#endBoth(new ConnectionLost('closed', 'the connection is closed')),
    error: (error: Error) => this.#endBoth(new ConnectionLost('broken', tlsProblem(error))),
  };

  /**
   * Over `duplex`, which nobody else reads or writes. When `stop` aborts, reading ends with `stopped`; what is
   * being written is still written.
   */
  constructor(duplex: Duplex, clock: Clock, stop?: AbortSignal) {
    this.#duplex = duplex;
    this.#clock = clock;
    this.#stop = stop;
    this.#heardAt = clock.now();
    for (const [event, listener] of Object.entries(this.#listeners)) duplex.on(event, listener);
    // What has ended already emits nothing any more.
    if (duplex.readableEnded) this.#listeners.end();
    if (duplex.closed) this.#listeners.close();
    if (stop?.aborted === true) this.#onStop();
    stop?.addEventListener('abort', this.#onStop, { once: true });
  }

  /**
   * Since when the peer has let somebody wait: for the octets or the line that is being read, or, during a pause, since
   * it was last heard. Undefined while nobody waits.
   */
  get silentSince(): Monotonic | undefined {
    return this.#silentSince;
  }

  /** The next line. `too-long` once it ended and had more than `maximum` octets; at most a MiB of it is read. */
  line(maximum: number, within: number): Promise<Line | 'too-long'> {
    return this.#waiting(this.#clock.now(), () => this.#line(maximum, within));
  }

  async #line(maximum: number, within: number): Promise<Line | 'too-long'> {
    const deadline = this.#clock.now() + within;
    let pieces: Buffer[] = [];
    let length = 0;
    for (;;) {
      const chunk = this.#unread.shift() ?? (await this.#pull(deadline - this.#clock.now()));
      const lf = chunk.indexOf(LF);
      const piece = lf < 0 ? chunk : chunk.subarray(0, lf);
      if (lf >= 0) this.unread(chunk.subarray(lf + 1));
      length += piece.length;
      if (length > LONGEST_DROPPED) throw new ConnectionLost('broken', 'the peer sent a line without end');
      // One more than the maximum may come: the CR before the LF is no part of the line.
      if (length > maximum + 1) pieces = [];
      else pieces.push(piece);
      if (lf >= 0) return length > maximum + 1 ? 'too-long' : lineOf(Buffer.concat(pieces), maximum);
    }
  }

  /** The next octets, as many as are there, at least one. */
  async some(within: number): Promise<Uint8Array> {
    return this.#unread.shift() ?? (await this.#waiting(this.#clock.now(), () => this.#pull(within)));
  }

  /** Gives octets back, to be read next. They must not change meanwhile. */
  unread(rest: Uint8Array): void {
    if (rest.length > 0) this.#unread.unshift(Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength));
  }

  /** Keeps octets to be sent with the next flush, which is at the latest when somebody waits. */
  queue(octets: Uint8Array): void {
    this.#queued.push(octets);
  }

  /** Sends what is queued and `slices`; resolves when the socket takes more. */
  async write(slices: readonly Uint8Array[], within: number): Promise<void> {
    this.#queued.push(...slices);
    await this.#flush(within);
  }

  /**
   * Sends what is queued and waits so long. Rejects as soon as the connection is lost, so that a peer that has gone
   * holds no place; a peer that only closed its own side is waited for.
   */
  pause(milliseconds: number): Promise<void> {
    return this.#waiting(this.#heardAt, () => this.#pause(milliseconds));
  }

  async #pause(milliseconds: number): Promise<void> {
    await this.#flush(milliseconds);
    const deadline = this.#clock.now() + milliseconds;
    for (;;) {
      if (this.#writingEnded !== undefined) throw this.#writingEnded;
      if (this.#readingEnded?.reason === 'stopped' || this.#readingEnded?.reason === 'timeout') throw this.#readingEnded;
      if (this.#clock.now() >= deadline || !(await this.#isActive(deadline - this.#clock.now()))) return;
    }
  }

  /** Ends whoever waits to read or pauses, or will, as if the peer's time had passed. */
  expire(): void {
    this.#endReading(new ConnectionLost('timeout', 'the peer took too long'));
  }

  /** Whether the peer has sent octets that nobody has read. */
  hasUnread(): boolean {
    return this.#unread.length > 0 || this.#duplex.readableLength > 0;
  }

  /**
   * Gives the Duplex away, for TLS; `bytes-waiting`, and nothing is given, when the peer has already sent more (RFC
   * 3207, section 6).
   */
  handOver(): Duplex | 'bytes-waiting' {
    if (this.hasUnread()) return 'bytes-waiting';
    this.#release();
    return this.#duplex;
  }

  /** Sends what is queued and closes, within seconds whatever the peer does. Never rejects. */
  async close(): Promise<void> {
    try {
      await this.#flush(CLOSE_WITHIN);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
    this.#release();
    await hangUp(this.#duplex, this.#clock);
  }

  /** Closes at once; what is queued is lost. */
  destroy(): void {
    this.#endBoth(new ConnectionLost('stopped', 'the connection was cut'));
    this.#release();
    this.#duplex.on('error', () => {}).destroy();
  }

  /** Whether the connection has ended, by either side. */
  get isClosed(): boolean {
    return this.#readingEnded !== undefined || this.#writingEnded !== undefined || this.#duplex.destroyed;
  }

  /** Runs `wait`, in which the peer has been silent since then. */
  async #waiting<T>(since: Monotonic, wait: () => Promise<T>): Promise<T> {
    this.#silentSince = since;
    try {
      return await wait();
    } finally {
      this.#silentSince = undefined;
    }
  }

  /** The next chunk from the socket, after a flush of what is queued. */
  async #pull(within: number): Promise<Buffer> {
    const deadline = this.#clock.now() + within;
    for (;;) {
      const chunk = this.#duplex.read() as Buffer | null;
      if (chunk !== null) {
        this.#heardAt = this.#clock.now();
        return chunk;
      }
      if (this.#queued.length > 0) {
        await this.#flush(deadline - this.#clock.now());
        continue; // octets may have come while the flush waited
      }
      if (this.#readingEnded !== undefined) throw this.#readingEnded;
      await this.#activity(deadline - this.#clock.now());
    }
  }

  async #flush(within: number): Promise<void> {
    if (this.#writingEnded !== undefined) throw this.#writingEnded;
    if (this.#queued.length === 0) return;
    this.#duplex.cork();
    for (const octets of this.#queued) this.#duplex.write(octets);
    this.#queued = [];
    this.#duplex.uncork();
    const deadline = this.#clock.now() + within;
    while (this.#duplex.writableNeedDrain) {
      if (this.#writingEnded !== undefined) throw this.#writingEnded;
      await this.#activity(deadline - this.#clock.now());
    }
  }

  async #activity(within: number): Promise<void> {
    if (!(await this.#isActive(within))) throw new ConnectionLost('timeout', 'the peer took too long');
  }

  /** Waits until something happens on the socket; whether it did within that time. */
  #isActive(within: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (isActive: boolean) => {
        this.#wake = () => {};
        cancel();
        resolve(isActive);
      };
      const cancel = this.#clock.after(within, () => finish(false));
      this.#wake = () => finish(true);
    });
  }

  #endReading(lost: ConnectionLost): void {
    this.#readingEnded ??= lost;
    this.#wake();
  }

  #endBoth(lost: ConnectionLost): void {
    this.#writingEnded ??= lost;
    this.#endReading(lost);
  }

  #release(): void {
    for (const [event, listener] of Object.entries(this.#listeners)) this.#duplex.off(event, listener);
    this.#stop?.removeEventListener('abort', this.#onStop);
  }
}

/** `whole` is a line without its LF. */
function lineOf(whole: Buffer, maximum: number): Line | 'too-long' {
  const bareLf = whole[whole.length - 1] !== CR;
  const octets = bareLf ? whole : whole.subarray(0, -1);
  return octets.length > maximum ? 'too-long' : { octets, bareLf };
}

/**
 * Sends `farewell` and ends the connection within seconds, whatever the peer does: a timeout of the socket itself
 * would begin anew with each octet that the peer sends. Never rejects.
 */
export function turnAway(duplex: Duplex, farewell: Uint8Array, clock: Clock): Promise<void> {
  duplex.write(farewell);
  return hangUp(duplex, clock);
}

/**
 * Ends our side, and lets the peer end its own before the socket goes: closing with octets unread would send a
 * reset, and a reset makes the peer forget the last reply before it has read it.
 */
function hangUp(duplex: Duplex, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(CLOSE_WITHIN, () => duplex.destroy());
    duplex.on('error', () => duplex.destroy());
    duplex.once('close', () => {
      cancel();
      resolve();
    });
    if (duplex.destroyed) {
      cancel();
      return resolve();
    }
    // A socket that has ended on both sides closes by itself.
    duplex.end();
    duplex.resume();
  });
}
