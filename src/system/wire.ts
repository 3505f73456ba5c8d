// One connection as awaited lines and chunks, over any Duplex. Both sides of the relay speak through
// it. Three promises: what is queued is flushed before any wait (all of server-side PIPELINING); every
// wait has a deadline; and the far side's slowness is felt by whoever writes (nothing is buffered
// beyond the socket's own mark).
//
// Pulled with read() and `readable`: `for await` would destroy the socket when its loop is left.

import type { Duplex } from 'node:stream';
import type { Cancel, Clock } from './clock.ts';
import { tlsProblem } from './tls-problem.ts';

/** `too-much`: more octets than anybody wants to read. */
export type LossReason = 'closed' | 'broken' | 'timeout' | 'too-slow' | 'too-much' | 'stopped';

/** Ends whatever used the wire: the peer closed, the socket broke, or a deadline passed. */
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

export interface Wire {
  /** The next line. `too-long` once more than `maximum` octets came without an end; the line's remainder is dropped first, up to a MiB. */
  line(maximum: number, within: number): Promise<Line | 'too-long'>;
  /** The next octets, as many as are there, at least one. */
  some(within: number): Promise<Uint8Array>;
  /** Gives octets back, to be read next. */
  unread(rest: Uint8Array): void;
  /** Keeps octets to be sent with the next flush. */
  queue(octets: Uint8Array): void;
  /** Sends what is queued and `slices`; resolves when the socket takes more. */
  write(slices: readonly Uint8Array[], within: number): Promise<void>;
  /** Sends what is queued and waits so long, or until the connection is lost, which it throws: nobody holds a place who is gone. */
  pause(milliseconds: number): Promise<void>;
  /** Ends whoever waits to read, as if `within` had passed. */
  expire(): void;
  /** Whether the peer has sent octets that nobody has read. */
  hasUnread(): boolean;
  /** Gives the Duplex away, for TLS; refused with `bytes-waiting` when the peer has already sent more (RFC 3207, section 6). */
  handOver(): Duplex | 'bytes-waiting';
  /** Flushes, says good-bye, and closes; never rejects. */
  close(): Promise<void>;
  /** Closes at once. */
  destroy(): void;
  /** Whether the connection has ended, by either side. */
  readonly isClosed: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
// A line too long is read to its end, so that the next one is the next command; but not for ever.
const LONGEST_DROPPED = 2 ** 20;
// How long close() waits for the peer to take what is left, and then to close its side.
const CLOSE_WITHIN = 2_000;

/** A wire over `duplex`. When `stop` aborts, reading ends with `stopped`; what is being written is still written. */
export function openWire(duplex: Duplex, clock: Clock, stop?: AbortSignal): Wire {
  const unread: Buffer[] = [];
  let queued: Uint8Array[] = [];
  // A peer may close its side and still read ours (`printf ... | nc`): the two directions end apart.
  let readingEnded: ConnectionLost | undefined;
  let writingEnded: ConnectionLost | undefined;
  let wake: (() => void) | undefined;

  const onWake = () => wake?.();
  const endReading = (lost: ConnectionLost) => {
    readingEnded ??= lost;
    onWake();
  };
  const endBoth = (lost: ConnectionLost) => {
    writingEnded ??= lost;
    endReading(lost);
  };
  const onEnd = () => endReading(new ConnectionLost('closed', 'the peer closed the connection'));
  const onClose = () => endBoth(new ConnectionLost('closed', 'the connection is closed'));
  const onError = (error: Error) => endBoth(new ConnectionLost('broken', tlsProblem(error)));
  const onStop = () => endReading(new ConnectionLost('stopped', 'the relay is stopping'));
  duplex.on('readable', onWake).on('drain', onWake).on('end', onEnd).on('close', onClose).on('error', onError);
  if (stop?.aborted === true) onStop();
  stop?.addEventListener('abort', onStop, { once: true });

  /** Waits for the next news of the socket; whether there is any within that time. */
  function isNews(within: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (is: boolean) => {
        wake = undefined;
        cancel();
        resolve(is);
      };
      const cancel: Cancel = clock.after(within, () => finish(false));
      wake = () => finish(true);
    });
  }

  async function news(within: number): Promise<void> {
    if (!(await isNews(within))) throw new ConnectionLost('timeout', 'the peer took too long');
  }

  async function flush(within: number): Promise<void> {
    if (writingEnded !== undefined) throw writingEnded;
    if (queued.length === 0) return;
    duplex.cork();
    for (const octets of queued) duplex.write(octets);
    queued = [];
    duplex.uncork();
    const deadline = clock.now() + within;
    while (duplex.writableNeedDrain) {
      if (writingEnded !== undefined) throw writingEnded;
      await news(deadline - clock.now());
    }
  }

  /** The next chunk from the socket, after a flush of what is queued. */
  async function pull(within: number): Promise<Buffer> {
    const deadline = clock.now() + within;
    for (;;) {
      const chunk = duplex.read() as Buffer | null;
      if (chunk !== null) return chunk;
      if (queued.length > 0) {
        await flush(deadline - clock.now());
        continue; // a flush that waited may have missed the news of octets
      }
      if (readingEnded !== undefined) throw readingEnded;
      await news(deadline - clock.now());
    }
  }

  const self: Wire = {
    async line(maximum, within) {
      const deadline = clock.now() + within;
      let pieces: Buffer[] = [];
      let length = 0;
      let overlong = false;
      for (;;) {
        const chunk = unread.shift() ?? (await pull(deadline - clock.now()));
        const at = chunk.indexOf(LF);
        const piece = at < 0 ? chunk : chunk.subarray(0, at);
        if (at >= 0 && at + 1 < chunk.length) unread.unshift(chunk.subarray(at + 1));
        length += piece.length;
        // One more than the maximum may come: the CR before the LF is no part of the line.
        overlong ||= length > maximum + 1;
        if (length > LONGEST_DROPPED) throw new ConnectionLost('broken', 'the peer sent a line without end');
        if (overlong) pieces = [];
        else pieces.push(piece);
        if (at < 0) continue;
        const whole = pieces.length === 1 ? (pieces[0] ?? piece) : Buffer.concat(pieces);
        const bareLf = whole[whole.length - 1] !== CR;
        const octets = bareLf ? whole : whole.subarray(0, -1);
        return overlong || octets.length > maximum ? 'too-long' : { octets, bareLf };
      }
    },
    async some(within) {
      return unread.shift() ?? (await pull(within));
    },
    unread(rest) {
      if (rest.length > 0) unread.unshift(Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength));
    },
    queue(octets) {
      queued.push(octets);
    },
    async write(slices, within) {
      queued.push(...slices);
      await flush(within);
    },
    async pause(milliseconds) {
      await flush(milliseconds);
      const deadline = clock.now() + milliseconds;
      for (;;) {
        if (writingEnded !== undefined) throw writingEnded;
        if (readingEnded?.reason === 'stopped') throw readingEnded;
        if (clock.now() >= deadline || !(await isNews(deadline - clock.now()))) return;
      }
    },
    expire: () => endReading(new ConnectionLost('timeout', 'the peer took too long')),
    hasUnread: () => unread.length > 0 || duplex.readableLength > 0,
    handOver() {
      if (self.hasUnread()) return 'bytes-waiting';
      release();
      return duplex;
    },
    async close() {
      try {
        await flush(CLOSE_WITHIN);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
      }
      release();
      await hangUp(duplex, clock);
    },
    destroy() {
      endBoth(new ConnectionLost('stopped', 'the connection was cut'));
      release();
      duplex.on('error', () => {}).destroy();
    },
    get isClosed() {
      return readingEnded !== undefined || writingEnded !== undefined || duplex.destroyed;
    },
  };

  function release() {
    duplex.off('readable', onWake).off('drain', onWake).off('end', onEnd).off('close', onClose).off('error', onError);
    stop?.removeEventListener('abort', onStop);
  }

  return self;
}

/**
 * Says `farewell` and ends the connection within seconds, whatever the peer does: a timeout of the socket itself would begin
 * anew with each octet of his.
 */
export function turnAway(duplex: Duplex, farewell: Uint8Array, clock: Clock): Promise<void> {
  duplex.write(farewell);
  return hangUp(duplex, clock);
}

/**
 * Ends our side, and lets the peer end his before the socket goes: closing with octets unread would
 * send a reset, and a reset makes the peer forget the last reply before it has read it.
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
    duplex.once('end', () => duplex.destroy());
    duplex.end();
    if (duplex.readableEnded) duplex.destroy();
    else duplex.resume();
  });
}
