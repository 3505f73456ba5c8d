// What has to be converted in a message for a server that takes 7 bits only: where its octets above 127 are. A stream:
// a header section, a line, and three numbers a part are held.

import type { Entity } from './entity.ts';
import type { Field } from './field.ts';
import { MimeReader, type PartPlace, type PartSink } from './mime-reader.ts';

/** Of a leaf: its octets, how many of them are above 127, and whether these are UTF-8. */
export type Leaf = { octets: number; above: number; isUtf8: boolean };

/** What `survey` has found in a message. */
export type Surveyed = {
  /** Whether there is an octet above 127 in it. */
  readonly hasEightBit: boolean;
  /** Whether there is one in what a signature covers. */
  readonly hasEightBitSigned: boolean;
  /** In the message's order; of those beyond MOST_LEAVES nothing is known. */
  readonly leaves: readonly Readonly<Leaf>[];
};

const MOST_LEAVES = 1_000;
/** Stands for a leaf of which nothing is known: it is encoded. */
export const UNKNOWN: Leaf = { octets: 1, above: 1, isUtf8: true };

/** Reads the message to find out what has to be converted. Rejects as `body` does. */
export async function survey(body: AsyncIterable<Uint8Array>): Promise<Surveyed> {
  const sink = new Survey();
  const reader = new MimeReader(sink);
  for await (const chunk of body) reader.read(chunk);
  reader.end();
  return sink;
}

class Survey implements PartSink {
  hasEightBit = false;
  hasEightBitSigned = false;
  readonly leaves: Leaf[] = [];
  #leaf: Leaf = { ...UNKNOWN };
  #isSigned = false;
  #decoder = new TextDecoder('utf-8', { fatal: true });

  header(fields: readonly Field[], entity: Entity, { isSigned }: PartPlace): void {
    this.#isSigned = isSigned;
    for (const { raw } of fields) this.#count(raw);
    if (entity.kind !== 'leaf') return;
    this.#leaf = { octets: 0, above: 0, isUtf8: true };
    this.#decoder = new TextDecoder('utf-8', { fatal: true });
    if (this.leaves.length < MOST_LEAVES) this.leaves.push(this.#leaf);
  }

  body(octets: Uint8Array): void {
    this.#leaf.octets += octets.length;
    this.#leaf.above += this.#count(octets);
    if (this.#leaf.above === 0 || !this.#leaf.isUtf8) return;
    try {
      this.#decoder.decode(octets, { stream: true });
    } catch {
      this.#leaf.isUtf8 = false; // a fatal decoder has no other error
    }
  }

  outside(octets: Uint8Array, { isSigned }: PartPlace): void {
    this.#isSigned = isSigned;
    this.#count(octets);
  }

  #count(octets: Uint8Array): number {
    let above = 0;
    for (const octet of octets) if (octet > 0x7f) above += 1;
    if (above > 0) {
      this.hasEightBit = true;
      if (this.#isSigned) this.hasEightBitSigned = true;
    }
    return above;
  }
}
