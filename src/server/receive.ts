// One message on its way into the spool: octets of DATA, decoded already, go through the header
// section's repair into a draft. At most the header section is held; the body streams. A message that
// turns out to be unwanted gives its draft back at once; the rest of it is counted and dropped, since
// the reply may only come after its end.

import type { QueueId } from '../events.ts';
import { type HeaderSection, headerGatherer, LARGEST_HEADER_SECTION } from '../message/header.ts';
import { missingFields, repairDate } from '../message/repair.ts';
import { type Rewriting, rewriteEnvelope, rewriteFields } from '../message/rewrite.ts';
import { isLooping, traceField } from '../message/trace.ts';
import type { Envelope } from '../smtp/envelope.ts';
import type { Refusal } from '../smtp/reply.ts';
import type { WallTime } from '../system/clock.ts';
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

export function receive(store: MessageStore, given: Envelope, declared: number, origin: Origin, rewriting: Rewriting): Reception {
  const envelope = rewriteEnvelope(given, rewriting);
  const limit = store.sizeLimit;
  const draft = store.draft(declared, origin.address);
  const gatherer = headerGatherer();
  let state: 'header' | 'body' | Refusal = 'header';
  let octets = 0;

  const refuse = (refusal: Refusal) => {
    state = refusal;
    draft.abandon();
  };

  const keep = async (slice: Uint8Array) => {
    if (typeof state === 'object') return;
    const result = await draft.write(slice);
    if (result !== 'taken') refuse(result === 'full' ? replies.noRoomNow : replies.diskTrouble);
  };

  const open = async (section: HeaderSection) => {
    if (isLooping(section, store.instance)) return refuse(replies.looping);
    state = 'body';
    const { id } = draft;
    const trace = traceField({ ...origin, instance: store.instance, id, recipients: envelope.recipients });
    const fields = repairDate(rewriteFields(section.fields, rewriting), origin.time);
    const missing = missingFields(fields, { ...origin, id, envelope }); // after the rewriting, which may have given it a From
    const parts = [trace, ...missing, ...fields.map((field) => field.raw), CRLF];
    await keep(Buffer.concat(parts));
    if (section.rest.length > 0) await keep(section.rest);
  };

  return {
    id: draft.id,
    envelope,
    get refusal() {
      return typeof state === 'object' ? state : undefined;
    },
    get octets() {
      return octets;
    },
    async write(slice) {
      octets += slice.length;
      if (typeof state === 'object') return;
      if (octets > limit) return refuse(replies.tooLarge(limit));
      if (state === 'body') return keep(slice);
      const section = gatherer.add(slice);
      if (section === 'too-large') return refuse(replies.headerTooLarge(LARGEST_HEADER_SECTION));
      if (section !== undefined) await open(section);
    },
    async finish() {
      if (state === 'header') {
        const section = gatherer.finish();
        if (section === 'too-large') refuse(replies.headerTooLarge(LARGEST_HEADER_SECTION));
        else await open(section);
      }
      if (typeof state === 'object') return state;
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
