import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { queueContract } from '../contracts/queue.ts';
import { MemoryQueue } from '../support/fakes/delivery.ts';

queueContract('the queue in memory', async () => {
  const queue = new MemoryQueue();
  const add = async (envelope: Parameters<typeof queue.put>[1], octets: Buffer) => {
    const id = `M${queue.messages.size}` as QueueId;
    queue.put(id, envelope, octets);
    return id;
  };
  return { queue, add };
});
