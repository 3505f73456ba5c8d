// What every `Queue` must do, whether it is the spool or a fake (src/delivery/queue.ts).

import { describe, expect, test } from 'vitest';
import type { Queue } from '../../src/delivery/queue.ts';
import type { Envelope, Recipient } from '../../src/smtp/envelope.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';

/** A queue, and how a message comes into it. */
export type QueueUnderTest = {
  readonly queue: Queue;
  add(envelope: Envelope, octets: Buffer): Promise<QueueId>;
};

const to = (localPart: string): Recipient => ({ forwardPath: { localPart, domain: 'example.org' } });
const ENVELOPE: Envelope = { reversePath: null, recipients: [to('a'), to('b'), to('c')], parameters: {} };

async function bodyIn(queue: Queue, id: QueueId): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of queue.body(id)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function* slices(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

/** Runs the contract; `make` gives an empty queue each time. */
export function queueContract(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(`the contract of a queue: ${name}`, () => {
    test('gives a message as it came, as often as it is asked', async () => {
      const { queue, add } = await make();
      const id = await add(ENVELOPE, Buffer.from('text'));
      for (let time = 0; time < 2; time++) {
        expect(await queue.envelope(id)).toEqual(ENVELOPE);
        expect(await bodyIn(queue, id)).toBe('text');
      }
    });

    test('recipients that were settled are not in the envelope any more, whatever the case of their domain', async () => {
      const { queue, add } = await make();
      const id = await add(ENVELOPE, Buffer.from('text'));
      await queue.record(id, [{ forwardPath: { localPart: 'b', domain: 'EXAMPLE.org' } }], { attempts: 1, warned: false });
      expect((await queue.envelope(id)).recipients).toEqual([to('a'), to('c')]);
      await queue.record(id, [to('c')], { attempts: 2, warned: true });
      expect((await queue.envelope(id)).recipients).toEqual([to('a')]);
      await queue.record(id, [], { attempts: 3, warned: true });
      expect((await queue.envelope(id)).recipients).toEqual([to('a')]);
    });

    test('a message that was removed is not there', async () => {
      const { queue, add } = await make();
      const [removed, kept] = [await add(ENVELOPE, Buffer.from('one')), await add(ENVELOPE, Buffer.from('two'))];
      queue.remove(removed);
      await expect(queue.envelope(removed)).rejects.toThrow();
      await expect(bodyIn(queue, removed)).rejects.toThrow();
      await expect(queue.record(removed, [], { attempts: 1, warned: false })).rejects.toThrow();
      expect(await bodyIn(queue, kept)).toBe('two');
    });

    test("takes in the relay's own messages like others", async () => {
      const { queue } = await make();
      const id = (await queue.submit(ENVELOPE, slices('one ', 'two'))) as QueueId;
      expect(id).not.toMatch(/full|failed/);
      expect(await queue.envelope(id)).toEqual(ENVELOPE);
      expect(await bodyIn(queue, id)).toBe('one two');
    });
  });
}
