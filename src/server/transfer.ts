// Octets from the wire to a reception: DATA until its end (RFC 5321, section 4.1.1.4), BDAT by count
// (RFC 3030). A sender that drips, or that never ends, is cut off.

import { dataDecoder, type LineEnding, lineEndRepair } from '../smtp/data.ts';
import type { Clock } from '../system/clock.ts';
import { ConnectionLost, type Wire } from '../system/wire.ts';
import { LIMITS } from './limits.ts';
import type { Reception } from './receive.ts';

/** Throws when a transfer that began at `started` is too slow to be a device that means well. */
function watchSpeed(clock: Clock): (octets: number) => void {
  const started = clock.now();
  return (octets) => {
    const elapsed = clock.now() - started;
    if (elapsed > LIMITS.slowAfter && octets < (elapsed / 1000) * LIMITS.slowest)
      throw new ConnectionLost('too-slow', 'the message came too slowly');
  };
}

/** DATA's octets into `reception`, un-stuffed; what follows the end of data is given back to the wire. */
export async function transferData(
  line: Wire,
  reception: Reception,
  lineEnding: LineEnding,
  sizeLimit: number,
  clock: Clock,
): Promise<void> {
  const decoder = dataDecoder(lineEnding);
  const check = watchSpeed(clock);
  // The reply to a message that is too large comes after its end, so its end is waited for; but not for ever.
  const patience = 2 * sizeLimit + 1_000_000;
  let dripped = 0;
  while (reception.octets <= patience) {
    const chunk = await line.some(LIMITS.dataTimeout);
    dripped += chunk.length;
    check(dripped);
    const { body, rest } = decoder.decode(chunk);
    for (const slice of body) await reception.write(slice);
    if (rest !== undefined) return line.unread(rest);
  }
  throw new ConnectionLost('broken', 'the message never ended');
}

/** A chunk's octets, exactly, to `take`. They are read whatever becomes of them: what follows is the next command. */
export async function transferChunk(line: Wire, octets: number, clock: Clock, take: (slice: Uint8Array) => Promise<void>): Promise<void> {
  const check = watchSpeed(clock);
  for (let left = octets; left > 0; ) {
    const piece = await line.some(LIMITS.dataTimeout);
    const ours = piece.subarray(0, left);
    if (piece.length > left) line.unread(piece.subarray(left));
    left -= ours.length;
    check(octets - left);
    await take(ours);
  }
}

/** Writes the chunks of a text with their line ends repaired, those of BINARYMIME as they are. */
export function chunkWriter(reception: Reception, isBinary: boolean): { write(slice: Uint8Array): Promise<void>; end(): Promise<void> } {
  const repair = lineEndRepair();
  const writeAll = async (slices: readonly Uint8Array[]) => {
    for (const slice of slices) await reception.write(slice);
  };
  return {
    write: (slice) => (isBinary ? reception.write(slice) : writeAll(repair.repair(slice))),
    end: () => writeAll(repair.end()),
  };
}
