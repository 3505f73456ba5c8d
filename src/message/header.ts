// The header section (RFC 5322, section 2.2), bounded, found at the front of a stream of octets whose lines end with
// CRLF. It is as forgiving as devices need: a message without header section, or whose header section ends without
// an empty line, is understood, and its octets are kept.

import { type Field, fieldName } from './field.ts';
import { marksBefore, Preamble } from './preamble.ts';

/** Octets; Postfix's header_size_limit. A larger header section is refused. */
export const LARGEST_HEADER_SECTION = 102_400;

/**
 * A header section with more fields is refused, since each costs memory and time beyond its octets. Far more than
 * any mail program writes.
 */
export const MOST_FIELDS = 1_000;

/** A header section that has been read. */
export type HeaderSection = {
  readonly fields: readonly Field[];
  /** What came after the header section and its empty line, as far as it was gathered. */
  readonly rest: Uint8Array;
};

/** A header section, or what the message is refused for. */
export type Gathered = HeaderSection | 'too-large' | 'too-many-fields';

const LF = 0x0a;
// Octets: most header sections of devices fit into them.
const FIRST_MEMORY = 4_096;

/** Gathers one message's octets until its header section is whole. */
export class HeaderGatherer {
  // Doubled when it runs out, so that a device that drips costs no copy a packet.
  #memory = Buffer.alloc(FIRST_MEMORY);
  #length = 0;
  #lineStart = 0;
  // There is no line end between #lineStart and here.
  #searched = 0;
  readonly #places = new Places();
  readonly #preamble = new Preamble();

  /**
   * Takes the next octets. Undefined as long as more are needed; then the header section, or what the message is
   * refused for, and no more may be added.
   */
  add(octets: Uint8Array): Gathered | undefined {
    this.#append(octets);
    for (;;) {
      // Judged line by line, so that it does not matter how much came at once.
      if (this.#lineStart > LARGEST_HEADER_SECTION) return this.#refused('too-large');
      const lf = this.#memory.subarray(0, this.#length).indexOf(LF, this.#searched);
      if (lf < 0) {
        this.#searched = this.#length;
        return this.#length > LARGEST_HEADER_SECTION ? this.#refused('too-large') : undefined;
      }
      const end = this.#takeLine(this.#lineStart, lf + 1);
      if (end !== undefined) return this.#ended(end);
      this.#lineStart = lf + 1;
      this.#searched = this.#lineStart;
    }
  }

  /**
   * What is there, when the message ends before the header section does. The last line may lack its CRLF, which is
   * added.
   */
  finish(): Gathered {
    if (this.#length > LARGEST_HEADER_SECTION) return this.#refused('too-large');
    if (this.#lineStart < this.#length) {
      const end = this.#takeLine(this.#lineStart, this.#length);
      if (end !== undefined) return this.#ended(end);
      this.#append(Buffer.from('\r\n'));
      this.#places.extend(this.#length);
    }
    return this.#section(this.#length);
  }

  #append(octets: Uint8Array): void {
    const length = this.#length + octets.length;
    if (length > this.#memory.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#memory.length));
      this.#memory.copy(larger, 0, 0, this.#length);
      this.#memory = larger;
    }
    this.#memory.set(octets, this.#length);
    this.#length = length;
  }

  /** Takes one line; where the body begins, once a line shows it. */
  #takeLine(from: number, to: number): number | 'too-many-fields' | undefined {
    const line = this.#memory.toString('latin1', from, to);
    if (this.#places.count === 0) return this.#takeFirstLine(line, from, to);
    if (/^[ \t]/.test(line)) {
      this.#places.extend(to);
      return undefined;
    }
    const marks = marksBefore(line);
    const text = marks === 0 ? line : line.slice(marks);
    if (text === '\r\n') return to;
    if (fieldName(text) === undefined) return from;
    if (this.#places.count === MOST_FIELDS) return 'too-many-fields';
    this.#places.add(from + marks, to);
    return undefined;
  }

  #takeFirstLine(line: string, from: number, to: number): number | undefined {
    const first = this.#preamble.take(line, from);
    if (first === 'dropped') return undefined;
    if (first.is === 'body') return first.at;
    this.#places.add(first.at, to);
    return undefined;
  }

  #ended(end: number | 'too-many-fields'): Gathered {
    return end === 'too-many-fields' ? this.#refused(end) : this.#section(end);
  }

  /** The section, whose body begins at `end` unless what came is all text. */
  #section(end: number): HeaderSection {
    const fields = this.#places.all().map(([from, to]) => fieldIn(this.#memory.subarray(from, to)));
    const body = this.#preamble.bodyIfNot(fields);
    return body === undefined
      ? { fields, rest: this.#memory.subarray(end, this.#length) }
      : { fields: [], rest: this.#memory.subarray(body, this.#length) };
  }

  /** What is refused as a header section may still be a text that looks like one. */
  #refused(reason: 'too-large' | 'too-many-fields'): Gathered {
    const asText = this.#section(this.#length);
    return asText.fields.length > 0 || this.#places.count === 0 ? reason : asText;
  }
}

const fieldIn = (raw: Buffer): Field => ({ name: raw.toString('latin1', 0, raw.indexOf(':')).trimEnd(), raw });

// Fields: more than most messages have.
const FIRST_PLACES = 64;

/**
 * Where each field begins and ends. While more is awaited a field is two numbers: a hundred sessions that stop in the
 * middle of their header sections must not fill a small board's memory with objects.
 */
class Places {
  #numbers = new Uint32Array(2 * FIRST_PLACES);
  count = 0;

  add(from: number, to: number): void {
    if (2 * this.count === this.#numbers.length) {
      const larger = new Uint32Array(2 * this.#numbers.length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[2 * this.count] = from;
    this.#numbers[2 * this.count + 1] = to;
    this.count += 1;
  }

  /** Moves the end of the last one, if there is any. */
  extend(to: number): void {
    if (this.count > 0) this.#numbers[2 * this.count - 1] = to;
  }

  all(): readonly (readonly [number, number])[] {
    return Array.from({ length: this.count }, (_, at) => [this.#numbers[2 * at] ?? 0, this.#numbers[2 * at + 1] ?? 0]);
  }
}

/** Where the body begins in a stored message, which always has an empty line; undefined when that is not yet there. */
export function headerEnd(octets: Buffer): number | undefined {
  if (octets.subarray(0, 2).toString('latin1') === '\r\n') return 2;
  const at = octets.indexOf('\r\n\r\n');
  return at < 0 ? undefined : at + 4;
}

/**
 * Octets. What came was bounded by LARGEST_HEADER_SECTION; the trace field, repairs and completed addresses were
 * added to it then.
 */
export const LARGEST_STORED_HEADER_SECTION = LARGEST_HEADER_SECTION + 8_192;

/**
 * The header section of a stored message, without the empty line. Reads no further than its end; where that does
 * not come within LARGEST_STORED_HEADER_SECTION, what was read until then. Rejects as `body` does.
 */
export async function readHeaderSection(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for await (const chunk of body) {
    head = Buffer.concat([head, chunk]);
    const end = headerEnd(head);
    if (end !== undefined) return head.subarray(0, end - 2);
    if (head.length > LARGEST_STORED_HEADER_SECTION) break;
  }
  return head;
}
