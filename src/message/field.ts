// One field of a header section (RFC 5322, section 2.2): its name, its value, and how a new one is written.

import { withoutControl } from '../smtp/printable.ts';
import { LONGEST_LINE, textOf } from './encoded-word.ts';

/** A field: `name` as it was written, `raw` all of its octets, with name, folds and the CRLF at its end. */
export type Field = { readonly name: string; readonly raw: Buffer };

// Characters of a name, and of white space behind it. Name and colon stay on the first line when a long one is folded.
const FIELD = /^([!-9;-~]{1,100})[ \t]{0,100}:/;

/**
 * The name of the field that begins with `line` (one character an octet); undefined when none does. White space before
 * the colon is accepted (RFC 5322, section 4.5). A name without any letter is none: "12:05 door" is a text.
 */
export function fieldName(line: string): string | undefined {
  const name = FIELD.exec(line)?.[1];
  return name !== undefined && /[A-Za-z]/.test(name) ? name : undefined;
}

/** All fields of that name, in order; upper and lower case are the same. */
export function fieldsNamed(section: { readonly fields: readonly Field[] }, name: string): readonly Field[] {
  const wanted = name.toLowerCase();
  return section.fields.filter((field) => field.name.toLowerCase() === wanted);
}

/** What follows the colon, with its folds, one character an octet; without the last line end. */
export function fieldBody({ raw }: Field): string {
  const text = raw.toString('latin1');
  return text.slice(text.indexOf(':') + 1).replace(/\r?\n$/, '');
}

/** The field with another body: one character an octet, without the last line end. */
export function withBody({ name, raw }: Field, body: string): Field {
  return { name, raw: Buffer.concat([raw.subarray(0, raw.indexOf(':') + 1), Buffer.from(`${body}\r\n`, 'latin1')]) };
}

/** The field's value as text, unfolded (RFC 5322, section 2.2.3) and trimmed. */
export function fieldValue(field: Field): string {
  return textOf(Buffer.from(fieldBody(field).replace(/[\r\n]/g, ''), 'latin1')).trim();
}

/**
 * A new field, with a space or a fold between `words`. They lose their control characters, so that nothing in them
 * can start another field. RFC 5322, section 2.1.1, recommends lines of at most 78 characters, and RFC 2047 wants
 * 76 where there are encoded words: the line is folded there, unless a single word is longer.
 */
export function formatField(name: string, words: readonly string[]): Buffer {
  let text = `${name}:`;
  let lineLength = text.length;
  for (const word of words) {
    const clean = withoutControl(word);
    if (lineLength + 1 + clean.length > LONGEST_LINE && lineLength > name.length + 1) {
      text += `\r\n\t${clean}`;
      lineLength = 1 + clean.length;
    } else {
      text += ` ${clean}`;
      lineLength += 1 + clean.length;
    }
  }
  return Buffer.from(`${text}\r\n`);
}
