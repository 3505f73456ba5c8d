// What a header section says of the entity behind it (RFC 2045; RFC 2046): a message, or a part of one.

import { isAscii } from './encoded-word.ts';
import { type Field, fieldBody, fieldsNamed } from './field.ts';
import { readMimeValue } from './mime-parameters.ts';
import { outline } from './tokens.ts';

/** How a leaf's octets are written; `identity` for 7bit, 8bit, binary, and what is not known. */
type Encoding = 'identity' | 'quoted-printable' | 'base64';

/** An entity, by what stands in it: parts, a message with a header section of its own, or neither. */
export type Entity =
  | { readonly kind: 'multipart'; readonly boundary: string; readonly isDigest: boolean; readonly isSigned: boolean }
  | { readonly kind: 'message' }
  | { readonly kind: 'leaf'; readonly isText: boolean; readonly hasCharset: boolean; readonly encoding: Encoding };

/** What the fields say; `inDigest`: the entity is a part of multipart/digest, where the usual type is a message. */
export function entityOf(fields: readonly Field[], inDigest: boolean): Entity {
  const [contentType] = fieldsNamed({ fields }, 'Content-Type');
  const { value, parameters } =
    contentType === undefined
      ? { value: inDigest ? 'message/rfc822' : 'text/plain', parameters: new Map<string, string>() }
      : readMimeValue(contentType);
  const encoding = encodingOf(fields);
  const boundary = parameters.get('boundary') ?? '';
  if (value.startsWith('multipart/') && isBoundary(boundary))
    return { kind: 'multipart', boundary, isDigest: value === 'multipart/digest', isSigned: value === 'multipart/signed' };
  if ((value === 'message/rfc822' || value === 'message/global') && encoding === 'identity') return { kind: 'message' };
  const isText = value === '' || value.startsWith('text/');
  return { kind: 'leaf', isText, hasCharset: parameters.has('charset'), encoding };
}

// RFC 2046, section 5.1.1, allows 70; some programs write more.
const LONGEST_BOUNDARY = 200;

const isBoundary = (text: string) => text !== '' && text.length <= LONGEST_BOUNDARY && isAscii(text);

function encodingOf(fields: readonly Field[]): Encoding {
  const [field] = fieldsNamed({ fields }, 'Content-Transfer-Encoding');
  const word = field === undefined ? '' : outline(fieldBody(field)).toLowerCase();
  return word === 'base64' || word === 'quoted-printable' ? word : 'identity';
}
