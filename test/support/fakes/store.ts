// A message store in memory, with a room that tests set.

import type { MessageStore } from '../../../src/server/store.ts';
import type { Envelope } from '../../../src/smtp/envelope.ts';
import type { QueueId } from '../../../src/vocabulary/queue-id.ts';

export type KeptMessage = { readonly id: QueueId; readonly envelope: Envelope; readonly octets: Buffer };

export type MemoryStore = MessageStore & {
  readonly messages: KeptMessage[];
  roomLeft: number;
  /** What the next commit results in. */
  commitResult: 'stored' | 'full' | 'failed';
  /** Drafts that were neither committed nor abandoned. */
  open: number;
};

export function memoryStore(): MemoryStore {
  let count = 0;
  const store: MemoryStore = {
    instance: 'cafe0001',
    messages: [],
    roomLeft: 10_000_000,
    commitResult: 'stored',
    open: 0,
    room: (octets) => (octets > 10_000_000 ? 'never' : octets > store.roomLeft ? 'not-now' : 'yes'),
    draft() {
      count += 1;
      store.open += 1;
      const id = `ID${count}` as QueueId;
      const slices: Uint8Array[] = [];
      let length = 0;
      let isOver = false;
      const close = () => {
        if (!isOver) store.open -= 1;
        isOver = true;
      };
      return {
        id,
        async write(slice) {
          length += slice.length;
          if (length > store.roomLeft) return 'full';
          slices.push(Buffer.from(slice));
          return 'taken';
        },
        async commit(envelope) {
          close();
          if (store.commitResult === 'stored') store.messages.push({ id, envelope, octets: Buffer.concat(slices) });
          return store.commitResult;
        },
        abandon: close,
      };
    },
  };
  return store;
}
