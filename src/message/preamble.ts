// What devices and their scripts put in front of the first field, where no user sees it and every mail program
// takes it for the end of the header section: a byte order mark, an mbox line, blank lines, spaces. Each is
// dropped when a header section follows. Whether one does may be in doubt; then the octets are kept as text,
// for it is better that a text is shown twice than that nobody sees it.

import { type Field, fieldName } from './field.ts';

/**
 * What a line is: one that is dropped; the first field, which begins `at`; or, where there is no header section, of
 * the body, which begins `at`.
 */
type Preceding = 'dropped' | { readonly is: 'field' | 'body'; readonly at: number };

// UTF-8's byte order mark, one character an octet.
const MARK = '\u00ef\u00bb\u00bf';

/** How many of the first characters are byte order marks. */
export function marksBefore(line: string): number {
  let length = 0;
  while (line.startsWith(MARK, length)) length += MARK.length;
  return length;
}

// An mbox file's separator; programs that take it for text put a '>' in front.
const MBOX_LINE = /^>*From[ \t]/;
const isDated = (line: string) => /\d:\d\d/.test(line) && /\d{4}/.test(line);

// More blank lines or mbox lines than this are no accident.
const MOST_DROPPED = 16;

// Names that leave no doubt ...
const OF_MAIL = new Set([
  'received',
  'return-path',
  'from',
  'reply-to',
  'to',
  'cc',
  'subject',
  'message-id',
  'mime-version',
  'content-type',
]);
// ... and those that a message may begin with, though a text may, too.
const MAYBE_OF_MAIL = new Set([
  'date',
  'sender',
  'bcc',
  'importance',
  'priority',
  'user-agent',
  'content-transfer-encoding',
  'content-disposition',
]);

const isOfMail = (name: string) => OF_MAIL.has(name.toLowerCase());
const maybeOfMail = (name: string) => isOfMail(name) || MAYBE_OF_MAIL.has(name.toLowerCase()) || /^x-/i.test(name);

/** Judges the lines in front of one message's first field. */
export class Preamble {
  #dropped = 0;
  // From here on all is text, if no header section follows.
  #doubt: number | undefined;

  /**
   * Judges the next line, `line` its text with one character an octet and its CRLF, which begins at the octet
   * `start`.
   */
  take(line: string, start: number): Preceding {
    const marks = marksBefore(line);
    const text = line.slice(marks);
    const from = start + marks;
    this.#dropped += 1;
    if (text === '\r\n') return this.#drop(from + text.length, true);
    const spaces = /^[ \t]*/.exec(text)?.[0].length ?? 0;
    if (spaces > 0) this.#doubt ??= from;
    const name = fieldName(text.slice(spaces));
    if (name !== undefined && (this.#doubt === undefined || maybeOfMail(name))) return { is: 'field', at: from + spaces };
    if (name !== undefined || !MBOX_LINE.test(text)) return { is: 'body', at: this.#doubt ?? from };
    return this.#drop(from, !isDated(text));
  }

  /**
   * Where the body begins if `fields`, which followed the preamble, are no header section after all; undefined when
   * they are one.
   */
  bodyIfNot(fields: readonly Pick<Field, 'name'>[]): number | undefined {
    return fields.some(({ name }) => isOfMail(name)) ? undefined : this.#doubt;
  }

  /** Drops a line, unless there were too many; where the line leaves a doubt, the text would begin at `from`. */
  #drop(from: number, isDoubtful: boolean): Preceding {
    if (isDoubtful) this.#doubt ??= from;
    return this.#dropped > MOST_DROPPED ? { is: 'body', at: this.#doubt ?? from } : 'dropped';
  }
}
