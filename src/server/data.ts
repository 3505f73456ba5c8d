// Octets from the wire to a reception: DATA until its end (RFC 5321, section 4.1.1.4), BDAT by count
// (RFC 3030). A sender that drips, or that never ends, is cut off.

import { DataDecoder, type LineEnding } from '../smtp/data-decoder.ts';
import { LineEndRepair } from '../smtp/line-ends.ts';
import type { Clock } from '../system/clock.ts';
import { ConnectionLost, type Wire } from '../system/wire.ts';
import type { Reception } from './intake.ts';
import { LIMITS } from './limits.ts';

/** Throws when a transfer that began at `started` is too slow to be a device that means well. */
function watchSpeed(clock: Clock): (octets: number) => void {
  const started = clock.now();
  return (octets) => {
    const elapsed = clock.now() - started;
    if (elapsed > LIMITS.slowAfter && octets < (elapsed / 1000) * LIMITS.slowest)
      throw new ConnectionLost('too-slow', 'the message came too slowly');
  };
}

/**
 * Octets of a message that are read though it is refused: the reply to one that is too large comes after
 * its end, so its end is waited for; but not for ever.
 */
const patience = (sizeLimit: number) => 2 * sizeLimit + 1_000_000;

/** What is known of a transfer that came to no end. */
export class Transfer {
  octets = 0;
  #tail = Buffer.alloc(0);

  count(chunk: Uint8Array): void {
    this.octets += chunk.length;
    this.#tail = Buffer.concat([this.#tail, chunk.subarray(-LONGEST_TAIL)]).subarray(-LONGEST_TAIL);
  }

  /** Whether a dot stood last, on a line between line feeds, which is no end of a message (RFC 5321, section 4.1.1.4). */
  get endsLikeLf(): boolean {
    return /(?:^|[^\r])\n\.\r?\n$|\r\n\.\n$/.test(this.#tail.toString('latin1'));
  }
}

const LONGEST_TAIL = 5;

/** DATA's octets into `reception`, un-stuffed; what follows the end of data is given back to the wire. */
export async function transferData(
  wire: Wire,
  reception: Reception,
  lineEnding: LineEnding,
  sizeLimit: number,
  clock: Clock,
  transfer: Transfer,
): Promise<void> {
  const decoder = new DataDecoder(lineEnding);
  const check = watchSpeed(clock);
  while (transfer.octets <= patience(sizeLimit)) {
    const chunk = await wire.some(LIMITS.dataTimeout);
    transfer.count(chunk);
    check(transfer.octets);
    const { body, rest } = decoder.decode(chunk);
    for (const slice of body) await reception.write(slice);
    if (rest !== undefined) return wire.unread(rest);
  }
  throw new ConnectionLost('too-much', 'the message never ended');
}

/** Throws for a chunk that takes a message of `before` octets beyond what is read of one that is refused. */
export function checkChunk(octets: number, before: number, sizeLimit: number): void {
  if (before + octets > patience(sizeLimit)) throw new ConnectionLost('too-much', 'the chunk is too large to be read');
}

/** A chunk's octets, exactly, to `take`. They are read whatever becomes of them: what follows is the next command. */
export async function transferChunk(wire: Wire, octets: number, clock: Clock, take: (slice: Uint8Array) => Promise<void>): Promise<void> {
  const check = watchSpeed(clock);
  for (let left = octets; left > 0; ) {
    const piece = await wire.some(LIMITS.dataTimeout);
    const ours = piece.subarray(0, left);
    if (piece.length > left) wire.unread(piece.subarray(left));
    left -= ours.length;
    check(octets - left);
    await take(ours);
  }
}

/** Writes the chunks of a text with their line ends repaired, those of BINARYMIME as they are. */
export function chunkWriter(reception: Reception, isBinary: boolean): { write(slice: Uint8Array): Promise<void>; end(): Promise<void> } {
  const repair = new LineEndRepair();
  const writeAll = async (slices: readonly Uint8Array[]) => {
    for (const slice of slices) await reception.write(slice);
  };
  return {
    write: (slice) => (isBinary ? reception.write(slice) : writeAll(repair.repair(slice))),
    end: () => writeAll(repair.end()),
  };
}
