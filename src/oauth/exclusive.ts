// One process at a time: the relay and the commands of the same board would otherwise spend a refresh token twice.

import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../system/clock.ts';
import { lockFolder } from '../system/lock.ts';
import { unavailable } from './failure.ts';
import type { GiveAway } from './owner.ts';
import type { Exclusively } from './refresh.ts';

// A renewal takes no longer than this, in ms: see the patience of https.ts.
const PATIENCE = 45_000;
const BETWEEN = 100;
// The socket that system/lock.ts makes.
const LOCK = 'relay.lock';

/** Takes turns over a folder that is there. On a file system without sockets nothing is locked. */
export function exclusivelyIn(folder: string, clock: Clock, giveAway: GiveAway): Exclusively {
  return async (work) => {
    const until = clock.now() + PATIENCE;
    for (;;) {
      const lock = await lockFolder(folder).catch(() => undefined);
      if (lock !== 'taken') {
        try {
          await giveAway(LOCK).catch(() => {}); // there is none on a file system without sockets
          return await work();
        } finally {
          await lock?.release();
        }
      }
      if (clock.now() >= until) throw unavailable('another process of this board is renewing the token, and does not come to an end');
      await setTimeout(BETWEEN); // not the Clock's, which would let a command end here
    }
  };
}
