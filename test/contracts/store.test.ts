import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { memoryStore } from '../support/fakes/store.ts';
import { bodyOf, envelope, put, testSpool } from '../support/spool/spool.ts';
import { type StoreUnderTest, storeContract } from './store.ts';

storeContract('the spool', async (): Promise<StoreUnderTest> => {
  const clock = fakeClock();
  const { spool, stored } = await testSpool(powerLosingDisk(), { clock });
  const devices = ['a', 'b', 'c'];
  return {
    store: spool,
    stored: () =>
      Promise.all([...stored.keys()].map(async (id) => ({ id, envelope: await spool.envelope(id), octets: await bodyOf(spool, id) }))),
    async fill() {
      // Only devices that are known may take the last of it: those whose first message came an hour ago.
      for (const device of devices) spool.remove((await put(spool, Buffer.alloc(10), envelope(), device)) as QueueId);
      stored.clear();
      await clock.advance(3_600_000);
      for (const octets of [20_000, 1_000, 10])
        for (let at = 0; (await put(spool, Buffer.alloc(octets), envelope(), devices[at % 3])) !== 'full'; at++);
    },
  };
});

storeContract('the store in memory', async (): Promise<StoreUnderTest> => {
  const store = memoryStore();
  return {
    store,
    stored: async () => store.messages,
    async fill() {
      store.roomLeft = 0;
    },
  };
});
