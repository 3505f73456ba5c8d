// What every `MessageStore` must do, whether it is the spool or a fake (src/server/store.ts).

import { describe, expect, test } from 'vitest';
import type { MessageStore } from '../../src/server/store.ts';
import type { Envelope } from '../../src/smtp/envelope.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { envelope } from '../support/spool/spool.ts';

/** A store, and what a test must see of it. */
export type StoreUnderTest = {
  readonly store: MessageStore;
  /** The messages that were stored, in any order. */
  stored(): Promise<readonly { readonly id: QueueId; readonly envelope: Envelope; readonly octets: Buffer }[]>;
  /** Leaves no room for anything. */
  fill(): Promise<void>;
};

const DEVICE = '192.0.2.7';

/** Runs the contract; `make` gives an empty store each time. */
export function storeContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`the contract of a message store: ${name}`, () => {
    test('a message is stored whole, under the id that its draft had from the start', async () => {
      const { store, stored } = await make();
      const draft = store.draft(0, DEVICE);
      for (const slice of ['first ', 'second ', 'x'.repeat(70_000)]) expect(await draft.write(Buffer.from(slice))).toBe('taken');
      expect(await stored()).toEqual([]);
      expect(await draft.commit(envelope('you@example.org'))).toBe('stored');
      const octets = Buffer.from(`first second ${'x'.repeat(70_000)}`);
      expect(await stored()).toEqual([{ id: draft.id, envelope: envelope('you@example.org'), octets }]);
    });

    test('an empty message is a message', async () => {
      const { store, stored } = await make();
      const draft = store.draft(0, DEVICE);
      expect(await draft.commit(envelope())).toBe('stored');
      expect(await stored()).toMatchObject([{ id: draft.id, octets: Buffer.of() }]);
    });

    test('drafts do not disturb each other', async () => {
      const { store, stored } = await make();
      const [one, other] = [store.draft(3, DEVICE), store.draft(5, DEVICE)];
      expect(one.id).not.toBe(other.id);
      await one.write(Buffer.from('one'));
      await other.write(Buffer.from('other'));
      expect(await Promise.all([other.commit(envelope()), one.commit(envelope())])).toEqual(['stored', 'stored']);
      const texts = new Map((await stored()).map(({ id, octets }) => [id, octets.toString()]));
      expect(texts).toEqual(new Map([one, other].map(({ id }) => [id, id === one.id ? 'one' : 'other'])));
    });

    test('an abandoned draft leaves nothing; to abandon again, or after a commit, does nothing', async () => {
      const { store, stored } = await make();
      const abandoned = store.draft(0, DEVICE);
      await abandoned.write(Buffer.alloc(50_000));
      abandoned.abandon();
      abandoned.abandon();
      expect(await stored()).toEqual([]);
      const kept = store.draft(0, DEVICE);
      expect(await kept.commit(envelope())).toBe('stored');
      kept.abandon();
      expect((await stored()).map(({ id }) => id)).toEqual([kept.id]);
    });

    test('room: now, not now, or never; without it a draft is refused, and what was stored stays', async () => {
      const { store, stored, fill } = await make();
      expect(store.room(1_000)).toBe('yes');
      expect(store.room(2 ** 50)).toBe('never');
      await fill();
      const before = (await stored()).length;
      expect(store.room(1_000)).toBe('not-now');
      expect(store.room(2 ** 50)).toBe('never');
      const draft = store.draft(1_000, DEVICE);
      expect(await draft.write(Buffer.alloc(1_000))).toBe('full');
      draft.abandon();
      expect(await stored()).toHaveLength(before);
    });

    test('has an instance, which does not change', async () => {
      const { store } = await make();
      expect(store.instance).toMatch(/^[0-9a-f]{8}$/);
      expect(store.instance).toBe(store.instance);
    });
  });
}
