// Encoded words (RFC 2047): how text beyond ASCII is written into a field by this relay. What a device wrote is octets
// of some charset; here it becomes text, and the text becomes words of ASCII. Words that are encoded already stay as
// they are. Nothing is decoded.

import { isUtf8 } from 'node:buffer';
import { withoutControl } from '../smtp/printable.ts';

/**
 * RFC 2047, section 2: a line that holds an encoded word is at most 76 characters, the space it begins with
 * included.
 */
export const LONGEST_LINE = 76;
// A word may have 75; the space before it, and a bracket or comma on either side of it, stand on the line as well.
const LONGEST_WORD = 72;

// What windows-1252 has at 0x80 to 0x9f, where ISO 8859-1 has control characters. (TextDecoder is no help: its
// windows-1252 is ISO 8859-1 in some releases of Node, and small builds for 32-bit boards lack it.)
const WINDOWS_1252 =
  '\u20ac\ufffd\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\ufffd\u017d\ufffd' +
  '\ufffd\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\ufffd\u017e\u0178';

/**
 * The octets as text: UTF-8 where they are valid, otherwise windows-1252, of which ISO 8859-1 is a part. Never
 * throws.
 */
export function textOf(octets: Uint8Array): string {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  // A decoder that throws would cost 40 us for each text that is not UTF-8, and a message may have thousands of them.
  if (isUtf8(buffer)) return buffer.toString('utf8');
  return buffer.toString('latin1').replace(/[\u0080-\u009f]/g, (one) => WINDOWS_1252[one.charCodeAt(0) - 0x80] ?? one);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\u0000-\u007f]*$/;

/** Whether `text` has no character beyond ASCII. */
export const isAscii = (text: string): boolean => ASCII.test(text);

/** Whether `word` is an encoded word (RFC 2047, section 2), of any length. */
export const isEncodedWord = (word: string): boolean => /^=\?[!->@-~]+\?[BbQq]\?[!->@-~]*\?=$/.test(word);

/**
 * `words` of a text as words for a field, which has a space or a fold between them: ASCII and encoded words as they
 * are, neighbours beyond ASCII encoded together. `used`: octets on the line before the first.
 */
export function encodeWords(words: readonly string[], used: number): readonly string[] {
  const out: string[] = [];
  for (let at = 0; at < words.length; ) {
    const word = words[at] ?? '';
    if (isAscii(word)) {
      out.push(word);
      at += 1;
      continue;
    }
    let end = at;
    while (end < words.length && !isAscii(words[end] ?? '')) end += 1;
    // White space between encoded words is not shown (RFC 2047, section 6.2), so here it is part of ours.
    const before = isEncodedWord(out.at(-1) ?? '') ? ' ' : '';
    const after = isEncodedWord(words[end] ?? '') ? ' ' : '';
    out.push(...encodeText(before + words.slice(at, end).join(' ') + after, out.length === 0 ? used : 0));
    at = end;
  }
  return out;
}

/**
 * `text` as encoded words in UTF-8, none of which splits a character; without its control characters. `used`:
 * octets on the line before the first.
 */
export function encodeText(text: string, used: number): readonly string[] {
  const clean = withoutControl(text);
  const encoding = encodingFor(clean);
  const words: string[] = [];
  let word = '';
  let octets = 0;
  for (const character of clean) {
    const more = encoding.octets(character);
    const room = words.length === 0 ? Math.min(LONGEST_WORD, LONGEST_LINE - used) : LONGEST_WORD;
    if (word !== '' && encoding.length(octets + more) > room - FRAME) {
      words.push(encoding.write(word));
      word = '';
      octets = 0;
    }
    word += character;
    octets += more;
  }
  if (word !== '') words.push(encoding.write(word));
  return words;
}

/**
 * How text is encoded. `octets`: what a character takes before base64, or in Q; `length`: of the text of a word
 * with so many octets.
 */
type Encoding = { octets(character: string): number; length(octets: number): number; write(text: string): string };

const FRAME = '=?UTF-8?Q??='.length;

const Q: Encoding = {
  octets: (character) => (PLAIN_OR_SPACE.test(character) ? 1 : 3 * Buffer.byteLength(character)),
  length: (octets) => octets,
  write: (text) => `=?UTF-8?Q?${text.replace(NOT_PLAIN, inHexadecimal).replaceAll(' ', '_')}?=`,
};

const B: Encoding = {
  octets: (character) => Buffer.byteLength(character),
  length: (octets) => 4 * Math.ceil(octets / 3),
  write: (text) => `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`,
};

/** Q is readable where some of the text is plain; B is shorter for other alphabets. */
function encodingFor(text: string): Encoding {
  return 3 * text.replace(NOT_PLAIN, '').length >= Buffer.byteLength(text) ? Q : B;
}

// RFC 2047, section 5 (3): what needs no encoding in a phrase, where the rule is the strictest; and a space, which is
// written as an underscore.
const PLAIN_OR_SPACE = /^[A-Za-z0-9!*+/ -]$/;
const NOT_PLAIN = /[^A-Za-z0-9!*+/ -]+/g;

const inHexadecimal = (text: string) => Buffer.from(text).toString('hex').toUpperCase().replace(/../g, '=$&');
