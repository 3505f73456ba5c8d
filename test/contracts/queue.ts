// What a Queue promises to delivery, whatever keeps the messages: run on the spool and on the queue in memory.

import { describe, expect, test } from 'vitest';
import type { Queue } from '../../src/delivery/queue.ts';
import type { Envelope, Recipient } from '../../src/smtp/envelope.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';

const recipient = (localPart: string): Recipient => ({ forwardPath: { localPart, domain: 'example.org' } });
const ENVELOPE: Envelope = {
  reversePath: null,
  recipients: [{ ...recipient('a'), notify: ['failure'] }, recipient('b'), recipient('c')],
  parameters: { body: '8BITMIME', envelopeId: 'QQ 314' },
};
const PIECES = [Buffer.from('Subject: door\r\n\r\n'), Buffer.alloc(20_000, 'x'), Buffer.from('\r\n')];

async function* bodyOf(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* pieces;
}

async function octetsOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function queueContract(name: string, open: () => Promise<Queue>): void {
  describe(`${name} keeps what delivery needs`, () => {
    async function setUp(): Promise<{ queue: Queue; id: QueueId }> {
      const queue = await open();
      const id = await queue.submit(ENVELOPE, bodyOf(PIECES));
      if (id === 'full' || id === 'failed') throw new Error(`the queue is ${id}`);
      return { queue, id };
    }

    test('a message as it was submitted, as often as it is asked for', async () => {
      const { queue, id } = await setUp();
      for (let count = 0; count < 2; count++) {
        expect(await queue.envelope(id)).toEqual(ENVELOPE);
        expect(await octetsOf(queue.body(id))).toEqual(Buffer.concat(PIECES));
      }
    });

    test('each message has an id of its own', async () => {
      const { queue, id } = await setUp();
      const other = await queue.submit({ ...ENVELOPE, recipients: [recipient('z')] }, bodyOf([Buffer.from('z\r\n')]));
      expect(other).not.toBe(id);
      expect((await queue.envelope(id)).recipients).toHaveLength(3);
      expect(await octetsOf(queue.body(other as QueueId))).toEqual(Buffer.from('z\r\n'));
    });

    test('a recipient that is settled waits no more, by its address and for good', async () => {
      const { queue, id } = await setUp();
      await queue.record(id, [recipient('a')], { attempts: 1, warned: false });
      expect((await queue.envelope(id)).recipients).toEqual([recipient('b'), recipient('c')]);
      await queue.record(id, [], { attempts: 2, warned: true });
      await queue.record(id, [recipient('c')], { attempts: 3, warned: true });
      expect((await queue.envelope(id)).recipients).toEqual([recipient('b')]);
    });

    test('a message that was removed is not here', async () => {
      const { queue, id } = await setUp();
      queue.remove(id);
      await expect(queue.envelope(id)).rejects.toThrow();
      await expect(octetsOf(queue.body(id))).rejects.toThrow();
      await expect(queue.record(id, [], { attempts: 1, warned: false })).rejects.toThrow();
    });

    test('a message whose body fails is not taken', async () => {
      const { queue } = await setUp();
      async function* failing(): AsyncIterable<Uint8Array> {
        yield Buffer.from('half');
        throw new Error('no such luck');
      }
      await expect(queue.submit(ENVELOPE, failing())).rejects.toThrow('no such luck');
    });
  });
}
