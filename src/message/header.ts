// The header section (RFC 5322, section 2.2), bounded, found at the front of a stream of octets whose
// lines end with CRLF. It is as forgiving as devices need: a message without header section, or whose
// header section ends without an empty line, is understood, and its octets are kept.

import { type Field, fieldName } from './field.ts';
import { marksBefore, preamble } from './preamble.ts';

/** Postfix's header_size_limit. A larger header section is refused. */
export const LARGEST_HEADER_SECTION = 102_400;

/** Of fields as well, since each costs memory and time beyond its octets. */
export const MOST_FIELDS = 1_000;

export type HeaderSection = {
  readonly fields: readonly Field[];
  /** What came after the header section and its empty line, as far as it was gathered. */
  readonly rest: Uint8Array;
};

export type Gathered = HeaderSection | 'too-large' | 'too-many-fields';

export interface HeaderGatherer {
  /** Takes the next octets; a section once it is whole, what it is refused for, or undefined for "more". */
  add(octets: Uint8Array): Gathered | undefined;
  /** What is there, when the message ends before the header section does. */
  finish(): Gathered;
}

const LF = 0x0a;
const FIRST_MEMORY = 4_096;
const FIRST_PLACES = 64;

export function headerGatherer(): HeaderGatherer {
  // Both are doubled when they run out, so that a device that drips costs no copy a packet. While more is awaited
  // a field is two numbers; a hundred sessions that stop in mid-header must not fill a small board's memory.
  let memory = Buffer.alloc(FIRST_MEMORY);
  let places = new Uint32Array(FIRST_PLACES);
  let length = 0;
  let count = 0;
  let lineStart = 0;
  let searched = 0; // there is no line end between lineStart and here
  const before = preamble();

  const place = (from: number, to: number) => {
    if (2 * count === places.length) {
      const larger = new Uint32Array(2 * places.length);
      larger.set(places);
      places = larger;
    }
    places[2 * count] = from;
    places[2 * count + 1] = to;
    count += 1;
  };

  const section = (end: number): HeaderSection => {
    const fields = Array.from({ length: count }, (_, at) => fieldIn(memory.subarray(places[2 * at], places[2 * at + 1])));
    const body = before.bodyIfNot(fields);
    return body === undefined ? { fields, rest: memory.subarray(end, length) } : { fields: [], rest: memory.subarray(body, length) };
  };

  /** What is refused as a header section may still be a text that looks like one. */
  const refused = (reason: 'too-large' | 'too-many-fields'): Gathered => {
    const asText = section(length);
    return asText.fields.length > 0 || count === 0 ? reason : asText;
  };

  /** Looks at the lines that are whole; what came of it, when one of them ends the section. */
  const scan = (): Gathered | undefined => {
    for (;;) {
      // Judged line by line, so that it does not matter how much came at once.
      if (lineStart > LARGEST_HEADER_SECTION) return refused('too-large');
      const lf = memory.subarray(0, length).indexOf(LF, searched);
      if (lf < 0) {
        searched = length;
        return length > LARGEST_HEADER_SECTION ? refused('too-large') : undefined;
      }
      const ended = takeLine(lineStart, lf + 1);
      if (ended === 'too-many-fields') return refused(ended);
      if (ended !== undefined) return section(ended);
      lineStart = lf + 1;
      searched = lineStart;
    }
  };

  /** Takes one line; where the body starts, once it is known. */
  const takeLine = (from: number, to: number): number | 'too-many-fields' | undefined => {
    const line = memory.toString('latin1', from, to);
    if (count === 0) {
      const first = before.take(line, from);
      if (first === 'dropped') return undefined;
      if (first.is === 'body') return first.at;
      place(first.at, to);
      return undefined;
    }
    if (/^[ \t]/.test(line)) {
      places[2 * count - 1] = to;
      return undefined;
    }
    const marks = marksBefore(line);
    const text = marks === 0 ? line : line.slice(marks);
    if (text === '\r\n') return to;
    if (fieldName(text) === undefined) return from;
    if (count === MOST_FIELDS) return 'too-many-fields';
    place(from + marks, to);
    return undefined;
  };

  const append = (octets: Uint8Array) => {
    if (length + octets.length > memory.length) {
      const larger = Buffer.alloc(Math.max(length + octets.length, 2 * memory.length));
      memory.copy(larger, 0, 0, length);
      memory = larger;
    }
    memory.set(octets, length);
    length += octets.length;
  };

  return {
    add(octets) {
      append(octets);
      return scan();
    },
    finish() {
      if (length > LARGEST_HEADER_SECTION) return refused('too-large');
      // The last line may lack its CRLF.
      if (lineStart < length) {
        const ended = takeLine(lineStart, length);
        if (ended === 'too-many-fields') return refused(ended);
        if (ended !== undefined) return section(ended);
        append(Buffer.from('\r\n'));
        if (count > 0) places[2 * count - 1] = length;
      }
      return section(length);
    },
  };
}

const fieldIn = (raw: Buffer): Field => ({ name: raw.toString('latin1', 0, raw.indexOf(':')).trimEnd(), raw });

/** Where the body begins in a stored message, which always has an empty line; undefined when that is not yet there. */
export function headerEnd(octets: Buffer): number | undefined {
  if (octets.subarray(0, 2).toString('latin1') === '\r\n') return 2;
  const at = octets.indexOf('\r\n\r\n');
  return at < 0 ? undefined : at + 4;
}

/** What is kept was bounded when it came; the trace and the repairs were added to it then. */
export const LARGEST_STORED_HEADER_SECTION = LARGEST_HEADER_SECTION + 8_192;

/** The header section of a stored message, without the empty line; reads no further than that. */
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
