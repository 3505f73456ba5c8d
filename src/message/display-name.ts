// Display names (RFC 5322, section 3.4) that this relay writes when it replaces an address: they keep what the device
// called itself.

import { formatMailbox } from '../smtp/address.ts';
import { type AddressList, commentWords, phraseWords, wordsOf } from './addresses.ts';
import { encodeWords, isAscii, isEncodedWord, textOf } from './encoded-word.ts';
import { quoted } from './tokens.ts';

// Octets. A name is for people, and what the relay adds to a message is bounded (MOST_ADDED_OCTETS).
const LONGEST_NAME = 400;

/**
 * The words of a name for the author in `text`, the body of a From field, which was read as `list`: its display
 * name, the comment that stands for one (`root@lan (Cron Daemon)`), or the address. Where there is none of them,
 * all of the text.
 */
export function nameOfAuthor(text: string, list: AddressList | undefined): readonly string[] {
  const first = list?.listed[0] ?? list?.groups[0];
  if (first === undefined) return wholeText(text);
  const phrase = phraseWords(text, first.phrase);
  if (phrase.length > 0) return phrase;
  const comment = first.comments.map((one) => commentWords(text, one)).find((words) => words.length > 0);
  if (comment !== undefined) return comment;
  return first.mailbox === undefined ? wholeText(text) : [formatMailbox(first.mailbox)];
}

/** The words of `text`, a field's body with one character an octet, whatever they are. */
export const wholeText = (text: string): readonly string[] => wordsOf(textOf(Buffer.from(text.replace(/[\r\n]/g, ''), 'latin1')));

/**
 * `words` as a display name for formatField, shortened when they are too long: a quoted string, or encoded words
 * where that can't hold them. `used`: octets on the line before it.
 */
export function writeName(words: readonly string[], used: number): readonly string[] {
  const name = shortened(words);
  if (name.length === 0) return [];
  // Inside quotes an encoded word is not decoded (RFC 2047, section 5).
  if (!name.some((word) => !isAscii(word) || isEncodedWord(word))) return [quoted(name.join(' '))];
  return encodeWords(
    name.filter((word) => word !== '').map((word) => (isAscii(word) && !isEncodedWord(word) && !isAtom(word) ? quoted(word) : word)),
    used,
  );
}

const isAtom = (word: string) => /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+$/.test(word);

function shortened(words: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let left = LONGEST_NAME;
  for (const word of words) {
    if (Buffer.byteLength(word) > left) {
      if (!isEncodedWord(word)) kept.push(firstOctets(word, left));
      break;
    }
    kept.push(word);
    left -= Buffer.byteLength(word) + 1;
  }
  while (kept.at(-1) === '') kept.pop();
  return kept;
}

/** As many of the first characters of `text` as fit into `most` octets of UTF-8. */
export function firstOctets(text: string, most: number): string {
  let kept = '';
  let left = most;
  for (const character of text) {
    left -= Buffer.byteLength(character);
    if (left < 0) break;
    kept += character;
  }
  return kept;
}
