// One message on its way into the store: the decoded octets go through the repair of the header section and the folding
// of long lines into a draft. At most the header section is held in memory; the body streams. A message that has to be
// refused gives its draft back at once; the rest of it is counted and dropped, since the reply can only come after its
// end.

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
import type { SizeLimit } from './size-limit.ts';
import type { Draft, MessageStore } from './store.ts';

/**
 * Where a message comes from, as its trace field says it. `hello` and `address` are the device's, `hostname` is ours.
 */
export type Origin = {
  readonly hello: string;
  readonly address: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly time: WallTime;
};

/** One message's beginning, and where it goes. */
type IntakeParts = {
  readonly store: Pick<MessageStore, 'instance' | 'draft'>;
  readonly sizeLimit: Pick<SizeLimit, 'octets' | 'exceeded'>;
  /** As the device gave it. */
  readonly envelope: Envelope;
  /** Octets that MAIL declared; 0 for nothing. */
  readonly declared: number;
  readonly origin: Origin;
  readonly rewriting: Rewriting;
};

const CRLF = Buffer.from('\r\n');
// Each write is awaited, so more slices than this are joined.
const MOST_WRITES = 16;

/** Takes one message; ends with `finish` or `abandon`. */
export class Intake {
  /** As it is stored: rewritten as the owner has configured. */
  readonly envelope: Envelope;
  readonly #parts: IntakeParts;
  readonly #draft: Draft;
  readonly #limit: number;
  readonly #folder: LineFolder | undefined;
  /** As long as the header section is not complete. */
  #gatherer: HeaderGatherer | undefined = new HeaderGatherer();
  #refusal: Refusal | undefined;
  #octets = 0;
  #stored = 0;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.envelope = rewriteEnvelope(parts.envelope, parts.rewriting);
    this.#limit = parts.sizeLimit.octets;
    this.#draft = parts.store.draft(parts.declared, parts.origin.address);
    // BINARYMIME has no lines (RFC 3030, section 3).
    this.#folder = this.envelope.parameters.body === 'BINARYMIME' ? undefined : new LineFolder();
  }

  /** The queue id that the message will have. */
  get id(): QueueId {
    return this.#draft.id;
  }

  /** What the message will be refused with, as soon as that is known. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** Octets that came, kept or not. */
  get octets(): number {
    return this.#octets;
  }

  /** Takes the next octets; resolves when the store can take more. */
  async write(slice: Uint8Array): Promise<void> {
    this.#octets += slice.length;
    if (this.#refusal !== undefined) return;
    if (this.#octets > this.#limit) {
      this.#parts.sizeLimit.exceeded(this.#octets);
      return this.#refuse(replies.tooLarge(this.#limit));
    }
    if (this.#gatherer === undefined) return this.#keep(this.#fold(slice));
    const gathered = this.#gatherer.add(slice);
    if (gathered !== undefined) await this.#keep(this.#open(gathered));
  }

  /** Ends the message: resolves with undefined once it is on the flash, or with what to refuse it with. */
  async finish(): Promise<Refusal | undefined> {
    if (this.#gatherer !== undefined) await this.#keep(this.#open(this.#gatherer.finish()));
    await this.#keep(this.#folder?.end() ?? []);
    if (this.#refusal !== undefined) return this.#refusal;
    const committed = await this.#draft.commit(this.envelope);
    switch (committed) {
      case 'stored':
        return undefined;
      case 'full':
        return replies.noRoomNow;
      case 'failed':
        return replies.diskTrouble;
      default:
        return committed satisfies never;
    }
  }

  /** Gives the message up; does nothing to one that has ended. */
  abandon(): void {
    this.#draft.abandon();
  }

  #refuse(reason: Refusal): void {
    this.#refusal = reason;
    this.#gatherer = undefined;
    this.#draft.abandon();
  }

  async #keep(slices: readonly Uint8Array[]): Promise<void> {
    for (const slice of slices.length > MOST_WRITES ? [Buffer.concat(slices)] : slices) {
      if (this.#refusal !== undefined) return;
      this.#stored += slice.length;
      // The limit is for what the device sends. What is made of it could not be passed on if it were much larger.
      if (this.#stored > this.#limit + MOST_ADDED_OCTETS) return this.#refuse(replies.tooLarge(this.#limit));
      const result = await this.#draft.write(slice);
      if (result !== 'taken') return this.#refuse(result === 'full' ? replies.noRoomNow : replies.diskTrouble);
    }
  }

  #fold(octets: Uint8Array): readonly Uint8Array[] {
    return this.#folder === undefined ? [octets] : this.#folder.fold(octets);
  }

  /**
   * What is stored of the message's beginning. Synchronous, so that no call that waits for the flash holds a thousand
   * fields.
   */
  #open(gathered: Gathered): readonly Uint8Array[] {
    this.#gatherer = undefined;
    const head = this.#headOf(gathered);
    if ('code' in head) this.#refuse(head);
    else if (typeof gathered === 'object') return [...this.#fold(head), ...this.#fold(gathered.rest)];
    return [];
  }

  #headOf(gathered: Gathered): Buffer | Refusal {
    if (gathered === 'too-large') return replies.headerTooLarge(LARGEST_HEADER_SECTION);
    if (gathered === 'too-many-fields') return replies.tooManyFields(MOST_FIELDS);
    const { instance } = this.#parts.store;
    if (isLooping(gathered, instance)) return replies.looping;
    const { hello, address, protocol, hostname, time } = this.#parts.origin;
    const { id, envelope } = this;
    const trace = traceField({ hello, address, protocol, hostname, time, instance, id, recipients: envelope.recipients });
    const fields = prepareFields(gathered.fields, this.#parts.rewriting, { hostname, time, id, envelope });
    const head = Buffer.concat([trace, ...fields, CRLF]);
    // Completing a thousand bare addresses may have made it larger than what may be stored.
    return head.length > LARGEST_STORED_HEADER_SECTION ? replies.headerTooLarge(LARGEST_HEADER_SECTION) : head;
  }
}
