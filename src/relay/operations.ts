// What the running relay does at each request over the control socket: the scheduler knows what waits and when it is
// tried, the spool knows its addresses and its content.

import type { Scheduler } from '../delivery/scheduler.ts';
import { readHeaderSection } from '../message/header.ts';
import type { Operations } from '../ops/control/requests.ts';
import type { RelayStatus } from '../ops/status.ts';
import { formatMailbox, formatPath } from '../smtp/address.ts';
import { MessageDamaged } from '../spool/reader.ts';
import type { Spool } from '../spool/spool.ts';
import type { ListedMessage, WaitingMessage } from '../vocabulary/queued-message.ts';

type OperationsParts = {
  readonly spool: Pick<Spool, 'envelope' | 'body'>;
  readonly scheduler: Pick<Scheduler, 'list' | 'find' | 'runNow' | 'drop' | 'hold' | 'release'>;
  readonly status: () => Promise<RelayStatus>;
};

/** The operations on this relay. */
export function operationsOn({ spool, scheduler, status }: OperationsParts): Operations {
  return {
    status: () => status(),
    async *list() {
      const all = [...scheduler.list()].sort((one, other) => other.ageSeconds - one.ageSeconds || (one.id < other.id ? -1 : 1));
      for (const waiting of all) {
        const listed = await withAddresses(waiting, spool);
        if (listed !== undefined) yield listed;
      }
    },
    async show({ id }) {
      const waiting = scheduler.find(id);
      const listed = waiting && (await withAddresses(waiting, spool));
      return listed && { ...listed, header: (await readHeaderSection(spool.body(id))).toString('utf8') };
    },
    retry({ ids }) {
      const waiting = new Set([...scheduler.list()].map(({ id }) => id));
      const known = ids.filter((id) => waiting.has(id));
      if (ids.length === 0) scheduler.runNow();
      else if (known.length > 0) scheduler.runNow(new Set(known)); // ids that do not wait must not make the upstreams be tried
      return ids.filter((id) => !waiting.has(id));
    },
    drop: ({ ids }) => scheduler.drop(ids),
    hold() {
      scheduler.hold();
      return {};
    },
    release() {
      scheduler.release();
      return {};
    },
  };
}

/** The message with its addresses; undefined when it has left the spool meanwhile. */
async function withAddresses(waiting: WaitingMessage, spool: Pick<Spool, 'envelope'>): Promise<ListedMessage | undefined> {
  try {
    const { reversePath, recipients } = await spool.envelope(waiting.id);
    return { ...waiting, from: formatPath(reversePath), to: recipients.map(({ forwardPath }) => formatMailbox(forwardPath)) };
  } catch (error) {
    if (error instanceof MessageDamaged) return undefined;
    throw error;
  }
}
