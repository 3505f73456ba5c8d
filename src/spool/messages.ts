// The index: which messages the spool holds and which it is receiving, and where their frames stand. It is in memory
// only; recovery makes it anew.

import type { Place } from './segment.ts';

type Arriving = {
  readonly number: number;
  /** The places of the body frames, in order; compaction replaces them. */
  readonly chunks: Place[];
  readonly device: string;
  /** The running time at arrival, in ms. */
  readonly arrived: number;
};

/** A draft: what is there of a message whose commit is not on the flash yet. It does not wait for anything. */
export type Receiving = Arriving & { readonly state: 'receiving' };

/** A message that waits to be delivered. */
export type StoredMessage = Arriving & {
  readonly state: 'message';
  commit: Place;
  /** The newest outcome frame, if there is any. */
  outcome?: Place;
  /** Octets of the body. */
  readonly octets: number;
  /** How many attempts ended in a temporary failure. */
  attempts: number;
  /** Whether the sender was notified of the delay. */
  warned: boolean;
  /** The recipients that need no further attempt, by their index in the envelope. */
  settled: readonly number[];
  /** How many outcome frames were written; the one with the highest position holds. */
  outcomes: number;
};

/** Whatever has frames that must be kept. */
export type Entry = Receiving | StoredMessage;

/**
 * A new message of a draft; the draft's array of chunks goes on as the message's, since compaction may be replacing
 * one of them.
 */
export function messageOf(draft: Receiving, commit: Place, octets: number): StoredMessage {
  return { ...draft, state: 'message', commit, octets, attempts: 0, warned: false, settled: [], outcomes: 0 };
}

/** All messages and drafts, by message number. */
export class Messages {
  readonly #messages: Map<number, StoredMessage>;
  readonly #receiving = new Map<number, Receiving>();

  /** Starts from the messages that recovery found, by their numbers. */
  constructor(recovered: ReadonlyMap<number, StoredMessage>) {
    this.#messages = new Map(recovered);
  }

  /** How many messages wait; drafts do not count. */
  get count(): number {
    return this.#messages.size;
  }

  /** The messages that wait. */
  values(): Iterable<StoredMessage> {
    return this.#messages.values();
  }

  /** Messages and drafts: all whose frames must be kept. */
  entries(): readonly Entry[] {
    return [...this.#messages.values(), ...this.#receiving.values()];
  }

  /** The message with that number, unless it is gone or still a draft. */
  get(number: number): StoredMessage | undefined {
    return this.#messages.get(number);
  }

  /** Whether a message or a draft has that number. */
  has(number: number): boolean {
    return this.#messages.has(number) || this.#receiving.has(number);
  }

  /** A draft begins. */
  receive(draft: Receiving): void {
    this.#receiving.set(draft.number, draft);
  }

  /** A draft has become this message. */
  accept(message: StoredMessage): void {
    this.#receiving.delete(message.number);
    this.#messages.set(message.number, message);
  }

  /** Removes a message or a draft; whether it was there. */
  remove(number: number): boolean {
    return this.#messages.delete(number) || this.#receiving.delete(number);
  }
}

/** The places of all frames of the entry. */
export function placesOf(entry: Entry): readonly Place[] {
  if (entry.state === 'receiving') return [...entry.chunks];
  return [...entry.chunks, entry.commit, ...(entry.outcome === undefined ? [] : [entry.outcome])];
}

/** The frames at these places are no longer needed. */
export function release(places: Iterable<Place>): void {
  for (const place of places) place.segment.release(place);
}
