// Characters that text from outside must not bring along. There are two classes, because what is sent on and what is
// shown have different needs:
//
// - Control characters end a line, or start an escape sequence. An address with one is refused, and none is written
//   into a header field. Others are left alone there: a joiner is part of some people's names.
// - In what is shown (a reply, a log, a command's output, a notification's text) unprintable characters are replaced as
//   well: those that turn the direction of writing, or can't be seen at all, would deceive whoever reads it.
//
// Text is cleaned where it enters, so that whoever shows it need not think of terminals.

// C0, DEL and C1.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are just what must not pass
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

// The same, line and paragraph separators, what turns the direction of writing, what is not shown, and halves of pairs.
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are just what must not pass
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]/gu;

/** Whether there is a control character in `text`. */
export function hasControl(text: string): boolean {
  return text.search(CONTROL) >= 0;
}

/** `text` without its control characters, for a header field. */
export function withoutControl(text: string): string {
  return text.replace(CONTROL, '');
}

/**
 * `text` on one line, with a question mark for each character that could move a cursor, end the line or deceive the
 * eye.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/** JSON of `value`, in which what JSON leaves as it is but a terminal acts upon is escaped. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * The beginning of `text`, at most so many characters, in memory of its own: a slice keeps the whole text from being
 * freed.
 */
export function excerpt(text: string, length: number): string {
  return Buffer.from(text.slice(0, length)).toString();
}
