// What may be done to the running relay from outside, over the control socket: the scheduler knows what
// waits and when, the spool for whom.

import type { Scheduler } from '../delivery/scheduler.ts';
import { readHeaderSection } from '../message/header.ts';
import type { Operations } from '../ops/control.ts';
import type { RelayStatus } from '../ops/status.ts';
import { formatMailbox, formatPath } from '../smtp/address.ts';
import { MessageDamaged } from '../spool/reader.ts';
import type { Spool } from '../spool/spool.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { ListedMessage, WaitingMessage } from '../vocabulary/queued-message.ts';

/** What the control socket may do. */
export function operationsOn(spool: Spool, scheduler: Scheduler, status: () => Promise<RelayStatus>): Operations {
  /** With its addresses; undefined when it has gone meanwhile. */
  const describe = async (waiting: WaitingMessage): Promise<ListedMessage | undefined> => {
    try {
      const { reversePath, recipients } = await spool.envelope(waiting.id);
      return { ...waiting, from: formatPath(reversePath), to: recipients.map(({ forwardPath }) => formatMailbox(forwardPath)) };
    } catch (error) {
      if (error instanceof MessageDamaged) return undefined;
      throw error;
    }
  };
  return {
    status,
    async *list() {
      const all = [...scheduler.list()].sort((one, other) => other.ageSeconds - one.ageSeconds || (one.id < other.id ? -1 : 1));
      for (const waiting of all) {
        const described = await describe(waiting);
        if (described !== undefined) yield described;
      }
    },
    async show(id) {
      const waiting = scheduler.find(id as QueueId);
      const described = waiting && (await describe(waiting));
      return described && { ...described, header: (await readHeaderSection(spool.body(id as QueueId))).toString('utf8') };
    },
    retry(ids) {
      if (ids.length === 0) {
        scheduler.runNow();
        return [];
      }
      const waiting = new Set<string>([...scheduler.list()].map(({ id }) => id));
      const known = ids.filter((id) => waiting.has(id));
      if (known.length > 0) scheduler.runNow(new Set(known as QueueId[])); // a mistyped id is no reason to knock upstream
      return ids.filter((id) => !waiting.has(id));
    },
    drop: (ids) => scheduler.drop(ids as readonly QueueId[]),
    hold: () => scheduler.hold(),
    release: () => scheduler.release(),
  };
}
