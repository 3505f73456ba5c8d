// A header field in ASCII, for a server without 8BITMIME or SMTPUTF8: text becomes encoded words (RFC 2047), parameters
// become those of RFC 2231, domains A-labels. What no grammar lets be encoded is lost as little as can be.

import { wordsOf } from './addresses.ts';
import { encodeText, encodeWords, isAscii } from './encoded-word.ts';
import { type Field, fieldBody, fieldValue, formatField, withBody } from './field.ts';
import { asciiNames } from './lists.ts';
import { asciiMimeWords } from './mime-parameters.ts';

const ADDRESSES = /^(?:resent-)?(?:from|sender|reply-to|to|cc|bcc)$/i;
const PARAMETERS = /^content-(?:type|disposition)$/i;
// Fields of dates, identifiers and traces: their syntax has no place for an encoded word, or only in a comment.
const NO_TEXT =
  /^(?:resent-)?(?:date|message-id)$|^(?:received|return-path|in-reply-to|references|mime-version|auto-submitted)$|^content-(?:id|transfer-encoding|location)$|^dkim-signature$|^arc-/i;

/** The field in ASCII; the field itself where it is that already. */
export function asciiField(field: Field): Field {
  if (isPlain(field)) return field;
  return withoutRest(encoded(field));
}

/** Whether there is no octet above 127 in the field. */
const isPlain = ({ raw }: Field): boolean => isAscii(raw.toString('latin1'));

function encoded(field: Field): Field {
  const { name } = field;
  if (NO_TEXT.test(name)) return field;
  if (PARAMETERS.test(name)) return { name, raw: formatField(name, asciiMimeWords(field)) };
  if (ADDRESSES.test(name)) return asciiAddresses(field);
  return { name, raw: formatField(name, encodeWords(wordsOf(fieldValue(field)), name.length + 2)) };
}

/**
 * A local part beyond ASCII can't be written: the whole list becomes the name of an empty group, so that people can
 * still read it, as RFC 6857, section 3.1.4, does with one address.
 */
function asciiAddresses(field: Field): Field {
  const ascii = asciiNames(field);
  if (isPlain(ascii)) return ascii;
  return { name: field.name, raw: formatField(field.name, [...encodeText(fieldValue(field), field.name.length + 2), ':;']) };
}

/** A question mark for each octet that is still beyond ASCII. */
function withoutRest(field: Field): Field {
  return isPlain(field) ? field : withBody(field, fieldBody(field).replace(/[\u0080-\u00ff]/g, '?'));
}
