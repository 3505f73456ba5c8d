// What devices and their scripts put in front of the first field, where no user sees it and every mail program
// takes it for the end of the header section: a byte order mark, an mbox line, blank lines, spaces. Each is
// dropped when what follows is a header section. Whether it is one may be in doubt; then the octets are
// kept as text, for a text shown twice is better than one that nobody sees.

import { type Field, fieldName } from './field.ts';

/** What the next line is: dropped; the first field, which begins `at`; or no part of a header section, which is empty, and the body begins `at`. */
export type Preceding = 'dropped' | { readonly is: 'field' | 'body'; readonly at: number };

export interface Preamble {
  /** Looks at the next line, the octets `from` on, `line` its text with one character an octet. */
  take(line: string, from: number): Preceding;
  /** Where the body begins in case that `fields`, which followed the preamble, are no header section after all; undefined when they are one. */
  bodyIfNot(fields: readonly Pick<Field, 'name'>[]): number | undefined;
}

// UTF-8's byte order mark, one character an octet.
const MARK = '\u00ef\u00bb\u00bf';

/** How many of the first characters are byte order marks. */
export function marksBefore(line: string): number {
  let length = 0;
  while (line.startsWith(MARK, length)) length += MARK.length;
  return length;
}

// An mbox file's separator; each '>' stands for a program that took it for text.
const MBOX_LINE = /^>*From[ \t]/;
const isDated = (line: string) => /\d:\d\d/.test(line) && /\d{4}/.test(line);

// More blank lines than this are no accident.
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

export function preamble(): Preamble {
  let dropped = 0;
  let doubt: number | undefined; // from here on all is text, in case that no header section follows
  return {
    take(whole, start) {
      const marks = marksBefore(whole);
      const line = whole.slice(marks);
      const from = start + marks;
      dropped += 1;
      if (line === '\r\n') {
        doubt ??= from + line.length;
        return dropped > MOST_DROPPED ? { is: 'body', at: doubt } : 'dropped';
      }
      const spaces = /^[ \t]*/.exec(line)?.[0].length ?? 0;
      if (spaces > 0) doubt ??= from;
      const name = fieldName(line.slice(spaces));
      if (name !== undefined && (doubt === undefined || maybeOfMail(name))) return { is: 'field', at: from + spaces };
      if (name !== undefined || !MBOX_LINE.test(line)) return { is: 'body', at: doubt ?? from };
      if (!isDated(line)) doubt ??= from;
      return dropped > MOST_DROPPED ? { is: 'body', at: doubt ?? from } : 'dropped';
    },
    bodyIfNot: (fields) => (fields.some(({ name }) => isOfMail(name)) ? undefined : doubt),
  };
}
