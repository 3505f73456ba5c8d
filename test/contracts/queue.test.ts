import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { put, testSpool } from '../support/spool/spool.ts';
import { type QueueUnderTest, queueContract } from './queue.ts';

queueContract('the spool', async (): Promise<QueueUnderTest> => {
  const { spool } = await testSpool(powerLosingDisk());
  return { queue: spool, add: async (envelope, octets) => (await put(spool, octets, envelope)) as QueueId };
});
