// Reads a message's frames while compaction may be moving them: when a frame's place changed during the read, it is
// read at the new one.

import { formatQueueId } from '../vocabulary/queue-id.ts';
import type { OpenedFrame } from './frame.ts';
import type { StoredMessage } from './messages.ts';
import { type CommitRecord, decodeCommit } from './records.ts';
import type { Place } from './segment.ts';

/** A message is not in the spool, or one of its frames is not what was written. */
export class MessageDamaged extends Error {
  override readonly name = 'MessageDamaged';
}

/** The message's commit. Rejects with MessageDamaged, or with what the disk says. */
export async function readCommit(message: StoredMessage): Promise<CommitRecord> {
  return decodeCommit((await readMoving(message.number, () => message.commit)).payload);
}

/** The octets of the message, a frame's payload at a time. Rejects with MessageDamaged, or with what the disk says. */
export async function* readBody(message: StoredMessage): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < message.chunks.length; at++) yield (await readMoving(message.number, () => message.chunks[at])).payload;
}

async function readMoving(number: number, where: () => Place | undefined): Promise<OpenedFrame> {
  for (;;) {
    const place = where();
    if (place === undefined) throw new MessageDamaged(`message ${formatQueueId(number)} is gone`);
    const frame = await place.segment.read(place).catch((error: unknown) => {
      if (where() === place) throw error;
      return undefined;
    });
    if (frame !== undefined && frame.number === number) return frame;
    if (where() === place)
      throw new MessageDamaged(`message ${formatQueueId(number)}: a frame in ${place.segment.name} at ${place.at} is damaged`);
  }
}
