import { queueContract } from '../contracts/queue.ts';
import { MemoryQueue } from '../support/delivery.ts';
import { powerLosingDisk } from '../support/disk.ts';
import { testSpool } from '../support/spool.ts';

queueContract('the spool', async () => (await testSpool(powerLosingDisk())).spool);
queueContract('the queue in memory', async () => new MemoryQueue());
