// Text that others wrote, made fit to be shown: in a reply, a log, a command's output, a notification. It is
// cleaned where it enters, so that whoever shows it need not think of terminals.

// C0, DEL, C1, line and paragraph separators, what turns the direction of writing, and what is not shown at all.
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are just what must not pass
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]/gu;

/** `text` on one line, with a question mark for what could move a cursor, end the line or deceive the eye. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/** JSON of `value`, with what JSON leaves as it is but a terminal acts upon escaped. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
