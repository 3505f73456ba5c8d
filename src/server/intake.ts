// One message on its way into the spool: octets of DATA, decoded already, go through the header
// section's repair and the folding of long lines into a draft. At most the header section is held; the body
// streams. A message that turns out to be unwanted gives its draft back at once; the rest of it is counted
// and dropped, since the reply may only come after its end.

import { LineFolder } from '../message/fold.ts';
import { type Gathered, HeaderGatherer, LARGEST_HEADER_SECTION, LARGEST_STORED_HEADER_SECTION, MOST_FIELDS } from '../message/header.ts';
import { prepareFields } from '../message/prepare.ts';
import { rewriteEnvelope } from '../message/rewrite.ts';
import { isLooping, MOST_ADDED_OCTETS, traceField } from '../message/trace.ts';
import type { Envelope } from '../smtp/envelope.ts';
import type { Refusal } from '../smtp/reply.ts';
import type { WallTime } from '../system/clock.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import type { Rewriting } from '../vocabulary/rewriting.ts';
import * as replies from './replies.ts';
import type { MessageStore } from './store.ts';

export type Origin = {
  readonly hello: string;
  readonly address: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly time: WallTime;
};

export interface Reception {
  readonly id: QueueId;
  /** As it is kept: what the owner has rewritten is rewritten. */
  readonly envelope: Envelope;
  /** What the message will be refused with, once that is known. */
  readonly refusal: Refusal | undefined;
  /** Octets that came, kept or not. */
  readonly octets: number;
  /** Takes the next octets; slow when the spool is. */
  write(slice: Uint8Array): Promise<void>;
  /** The message is whole: resolves when it is on the flash (undefined), or with what to refuse it with. */
  finish(): Promise<Refusal | undefined>;
  /** The device went away. */
  abandon(): void;
}

const CRLF = Buffer.from('\r\n');
// Each write is awaited: more slices than this are joined.
const MOST_WRITES = 16;

export function receive(store: MessageStore, given: Envelope, declared: number, origin: Origin, rewriting: Rewriting): Reception {
  const envelope = rewriteEnvelope(given, rewriting);
  const limit = store.sizeLimit;
  const draft = store.draft(declared, origin.address);
  // BINARYMIME has no lines (RFC 3030, section 3).
  const folder = envelope.parameters.body === 'BINARYMIME' ? undefined : new LineFolder();
  let gatherer: HeaderGatherer | undefined = new HeaderGatherer(); // as long as the header section is not whole
  let refusal: Refusal | undefined;
  let octets = 0;
  let stored = 0;

  const refuse = (reason: Refusal) => {
    refusal = reason;
    gatherer = undefined;
    draft.abandon();
  };

  const keep = async (slices: readonly Uint8Array[]) => {
    for (const slice of slices.length > MOST_WRITES ? [Buffer.concat(slices)] : slices) {
      if (refusal !== undefined) return;
      stored += slice.length;
      // The limit is for what the device sends. What is made of it may not be sent on if it is much larger.
      if (stored > limit + MOST_ADDED_OCTETS) return refuse(replies.tooLarge(limit));
      const result = await draft.write(slice);
      if (result !== 'taken') return refuse(result === 'full' ? replies.noRoomNow : replies.diskTrouble);
    }
  };

  const fold = (octetsOfMessage: Uint8Array) => (folder === undefined ? [octetsOfMessage] : folder.fold(octetsOfMessage));

  /** What is kept of the message's beginning. Not asynchronous, so that no frame that waits for the flash holds a thousand fields. */
  const open = (gathered: Gathered): readonly Uint8Array[] => {
    gatherer = undefined;
    const head = headOf(gathered);
    if ('code' in head) refuse(head);
    else if (typeof gathered === 'object') return [...fold(head), ...fold(gathered.rest)];
    return [];
  };

  const headOf = (gathered: Gathered): Buffer | Refusal => {
    if (gathered === 'too-large') return replies.headerTooLarge(LARGEST_HEADER_SECTION);
    if (gathered === 'too-many-fields') return replies.tooManyFields(MOST_FIELDS);
    if (isLooping(gathered, store.instance)) return replies.looping;
    const { id } = draft;
    const trace = traceField({ ...origin, instance: store.instance, id, recipients: envelope.recipients });
    const head = Buffer.concat([trace, ...prepareFields(gathered.fields, rewriting, { ...origin, id, envelope }), CRLF]);
    // A thousand bare addresses may have been completed.
    return head.length > LARGEST_STORED_HEADER_SECTION ? replies.headerTooLarge(LARGEST_HEADER_SECTION) : head;
  };

  return {
    id: draft.id,
    envelope,
    get refusal() {
      return refusal;
    },
    get octets() {
      return octets;
    },
    async write(slice) {
      octets += slice.length;
      if (refusal !== undefined) return;
      if (octets > limit) {
        store.tooLarge(octets);
        return refuse(replies.tooLarge(limit));
      }
      if (gatherer === undefined) return keep(fold(slice));
      const gathered = gatherer.add(slice);
      if (gathered !== undefined) await keep(open(gathered));
    },
    async finish() {
      if (gatherer !== undefined) await keep(open(gatherer.finish()));
      await keep(folder?.end() ?? []);
      if (refusal !== undefined) return refusal;
      switch (await draft.commit(envelope)) {
        case 'stored':
          return undefined;
        case 'full':
          return replies.noRoomNow;
        case 'failed':
          return replies.diskTrouble;
      }
    },
    abandon: () => draft.abandon(),
  };
}
