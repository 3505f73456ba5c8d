// The header section (RFC 5322, section 2.2), bounded, found at the front of a stream of octets whose
// lines end with CRLF. It is as forgiving as devices need: a message without header section, or whose
// header section ends without an empty line, is understood, and its octets are kept.

/** Postfix's header_size_limit. A larger header section is refused. */
export const LARGEST_HEADER_SECTION = 102_400;

/** A field: `name` as written, `raw` with its name, folds and CRLF. */
export type Field = { readonly name: string; readonly raw: Buffer };

export type HeaderSection = {
  readonly fields: readonly Field[];
  /** What came after the header section and its empty line, as far as it was gathered. */
  readonly rest: Uint8Array;
};

export interface HeaderGatherer {
  /** Takes the next octets; a section once it is whole, `too-large`, or undefined for "more". */
  add(octets: Uint8Array): HeaderSection | 'too-large' | undefined;
  /** What is there, when the message ends before the header section does. */
  finish(): HeaderSection | 'too-large';
}

const LF = 0x0a;
const FIELD = /^([!-9;-~]+)[ \t]*:/;
// An mbox separator that some devices send first; it is no field, and is dropped.
const MBOX_FROM = /^>?From /;

export function headerGatherer(): HeaderGatherer {
  let gathered = Buffer.alloc(0);
  let memory = Buffer.alloc(4096); // doubled when it runs out, so that a device that drips costs no copy a packet
  let lineStart = 0;
  const fields: { name: string; from: number; to: number }[] = [];

  const section = (end: number): HeaderSection => ({
    fields: fields.map(({ name, from, to }) => ({ name, raw: gathered.subarray(from, to) })),
    rest: gathered.subarray(end),
  });

  /** Looks at the lines that are whole; a section when one of them ends it. */
  const scan = (): HeaderSection | 'too-large' | undefined => {
    for (;;) {
      // Judged line by line, so that it does not matter how much came at once.
      if (lineStart > LARGEST_HEADER_SECTION) return 'too-large';
      const lf = gathered.indexOf(LF, lineStart);
      if (lf < 0) return gathered.length > LARGEST_HEADER_SECTION ? 'too-large' : undefined;
      const next = lf + 1;
      const ended = takeLine(gathered.subarray(lineStart, next), lineStart, next);
      if (ended !== undefined) return section(ended);
      lineStart = next;
    }
  };

  /** Takes one line; where the body starts, once it is known. */
  const takeLine = (line: Buffer, from: number, to: number): number | undefined => {
    const text = line.toString('latin1');
    if (text === '\r\n') return to;
    const field = FIELD.exec(text);
    const last = fields.at(-1);
    if (field !== null) fields.push({ name: field[1] ?? '', from, to });
    else if (/^[ \t]/.test(text) && last !== undefined) last.to = to;
    else if (!(MBOX_FROM.test(text) && from === 0)) return from;
    return undefined;
  };

  return {
    add(octets) {
      const length = gathered.length + octets.length;
      if (length > memory.length) {
        const larger = Buffer.alloc(Math.max(length, 2 * memory.length));
        gathered.copy(larger);
        memory = larger;
      }
      memory.set(octets, gathered.length);
      gathered = memory.subarray(0, length);
      return scan();
    },
    finish() {
      if (gathered.length > LARGEST_HEADER_SECTION) return 'too-large';
      // The last line may lack its CRLF.
      if (lineStart < gathered.length) {
        const unended = gathered.subarray(lineStart);
        const ended = takeLine(unended, lineStart, gathered.length);
        if (ended !== undefined) return section(ended);
        gathered = Buffer.concat([gathered, Buffer.from('\r\n')]);
        const last = fields.at(-1);
        if (last !== undefined) last.to = gathered.length;
      }
      return section(gathered.length);
    },
  };
}

/** Where the body begins in a stored message, which always has an empty line; undefined when that is not yet there. */
export function headerEnd(octets: Buffer): number | undefined {
  if (octets.subarray(0, 2).toString('latin1') === '\r\n') return 2;
  const at = octets.indexOf('\r\n\r\n');
  return at < 0 ? undefined : at + 4;
}

// What is kept was bounded when it came; the trace and the repairs were added to it then.
const LARGEST_STORED_HEADER_SECTION = LARGEST_HEADER_SECTION + 8_192;

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

/** All fields of that name, in order. */
export function fieldsNamed(section: { readonly fields: readonly Field[] }, name: string): readonly Field[] {
  const wanted = name.toLowerCase();
  return section.fields.filter((field) => field.name.toLowerCase() === wanted);
}

/** The field's value, unfolded (RFC 5322, section 2.2.3) and trimmed. */
export function fieldValue(field: Field): string {
  const text = field.raw.toString('utf8');
  return text
    .slice(text.indexOf(':') + 1)
    .replace(/\r\n(?=[ \t])/g, '')
    .trim();
}

// A line is at most 998 octets, better 78 (RFC 5322, section 2.1.1).
const PREFERRED_LINE = 78;

/**
 * A new field, folded between `words`. What may come from a device is stripped of control
 * characters here, so that nothing in it can start another field.
 */
export function formatField(name: string, words: readonly string[]): Buffer {
  let text = `${name}:`;
  let lineLength = text.length;
  for (const word of words) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are just what must not pass
    const clean = word.replace(/[\u0000-\u001f\u007f]/g, '');
    if (lineLength + 1 + clean.length > PREFERRED_LINE && lineLength > name.length + 1) {
      text += `\r\n\t${clean}`;
      lineLength = 8 + clean.length;
    } else {
      text += ` ${clean}`;
      lineLength += 1 + clean.length;
    }
  }
  return Buffer.from(`${text}\r\n`);
}
