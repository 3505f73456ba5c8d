import { expect, test } from 'vitest';
import { operationsOn } from '../../src/relay/operations.ts';
import { MessageDamaged } from '../../src/spool/reader.ts';
import { formatQueueId, type QueueId } from '../../src/vocabulary/queue-id.ts';
import type { WaitingMessage } from '../../src/vocabulary/queued-message.ts';

const [old, young, gone] = [formatQueueId(2), formatQueueId(1), formatQueueId(3)];
const waiting = (id: QueueId, ageSeconds: number): WaitingMessage => ({
  id,
  octets: 1,
  device: 'x',
  ageSeconds,
  attempts: 0,
  state: 'due',
});

/** Operations on a queue in which `gone` leaves the spool between two looks. */
function operations() {
  const all = [waiting(young, 1), waiting(gone, 3), waiting(old, 9)];
  const tried: (readonly QueueId[] | 'all')[] = [];
  const made = operationsOn({
    spool: {
      async envelope(id) {
        if (id === gone) throw new MessageDamaged('it is not there');
        return { reversePath: null, recipients: [{ forwardPath: { localPart: 'you', domain: 'x' } }], parameters: {} };
      },
      async *body() {
        yield Buffer.from('Subject: x\r\n\r\nbody\r\n');
      },
    },
    scheduler: {
      list: () => all.values(),
      find: (id) => all.find((one) => one.id === id),
      runNow: (ids) => void tried.push(ids === undefined ? 'all' : [...ids]),
      drop: (ids) => ids.map((id) => ({ id, result: 'dropped' })),
      hold: () => {},
      release: () => {},
    },
    status: () => Promise.reject(new Error('no status here')),
  });
  return { made, tried };
}

test('the list has the oldest first, with addresses, and not what has left the spool meanwhile', async () => {
  const listed = [];
  for await (const one of await operations().made.list({})) listed.push(one);
  expect(listed.map(({ id, from, to }) => ({ id, from, to }))).toEqual([
    { id: old, from: '<>', to: ['you@x'] },
    { id: young, from: '<>', to: ['you@x'] },
  ]);
});

test('one message has its header section; one that is not there is undefined', async () => {
  const { made } = operations();
  expect(await made.show({ id: old })).toMatchObject({ id: old, header: 'Subject: x\r\n' });
  expect(await made.show({ id: gone })).toBeUndefined();
  expect(await made.show({ id: formatQueueId(99) })).toBeUndefined();
});

test('retry tries all, or those that wait; unknown ids alone try nothing', async () => {
  const { made, tried } = operations();
  const unknown = formatQueueId(99);
  expect(await made.retry({ ids: [] })).toEqual([]);
  expect(await made.retry({ ids: [old, unknown] })).toEqual([unknown]);
  expect(await made.retry({ ids: [unknown] })).toEqual([unknown]);
  expect(tried).toEqual(['all', [old]]);
});
