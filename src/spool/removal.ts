// The end of a message, delivered or given up, and of a draft that came to nothing.
//
// test/spool/mutants.test.ts quotes a passage of this file.

import type { Log } from './log.ts';
import { type Entry, type Messages, release } from './messages.ts';
import type { RunningTime } from './running.ts';
import type { Place } from './segment.ts';
import type { Space } from './space.ts';

type RemovalParts = {
  readonly messages: Messages;
  readonly space: Space;
  readonly running: RunningTime;
  readonly log: Log;
};

/**
 * Removes a message or a draft that has frames in the log, and gives back the `held` octets of space. The frames at
 * `places` keep their segments in use until the `done` frame has been synced. Does nothing if it was removed before.
 */
export function remove({ messages, space, running, log }: RemovalParts, entry: Entry, places: readonly Place[], held: number): void {
  if (!messages.remove(entry.number)) return;
  space.release(entry.device, held);
  log.appendSoon({ kind: 'done', number: entry.number, position: running.carry(), payload: [] }, { synced: () => release(places) });
}
