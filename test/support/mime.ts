// A reader of MIME that has nothing in common with the one under test: it takes the whole message as a text of one
// character an octet, splits it with the boundaries it finds, and decodes what the parts say.

import { decodeWords } from './encoded-word.ts';

export type Part = {
  /** Names in lower case; values unfolded, as they were written. */
  readonly fields: ReadonlyMap<string, string>;
  readonly parts: readonly Part[];
  /** Of a leaf, decoded; one character an octet. */
  readonly content: string;
};

export function readMime(message: string): Part {
  const end = message.startsWith('\r\n') ? 0 : message.indexOf('\r\n\r\n');
  const head = end < 0 ? message : message.slice(0, end);
  const body = end < 0 ? '' : message.slice(end === 0 ? 2 : end + 4);
  const fields = new Map<string, string>();
  for (const line of head.replace(/\r\n(?=[ \t])/g, '').split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const type = fields.get('content-type') ?? '';
  const boundary = /boundary="?([^";]+)/i.exec(type)?.[1]?.trim();
  if (/^multipart\//i.test(type) && boundary !== undefined) {
    const pieces = `\r\n${body}`.split(new RegExp(`\r\n--${boundary}(?=--|\r\n|$)`)).slice(1);
    const last = pieces.findIndex((piece) => piece.startsWith('--'));
    const parts = pieces.slice(0, last < 0 ? undefined : last).map((piece) => readMime(piece.slice(piece.indexOf('\r\n') + 2)));
    return { fields, parts, content: '' };
  }
  if (/^message\/rfc822/i.test(type)) return { fields, parts: [readMime(body)], content: '' };
  return { fields, parts: [], content: decodeBody(body, fields.get('content-transfer-encoding') ?? '7bit') };
}

function decodeBody(body: string, encoding: string): string {
  switch (encoding.toLowerCase()) {
    case 'base64':
      return Buffer.from(body.replace(/[^A-Za-z0-9+/=]/g, ''), 'base64').toString('latin1');
    case 'quoted-printable':
      return body
        .replace(/[ \t]+(?=\r\n|$)/g, '')
        .replace(/=\r\n/g, '')
        .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    default:
      return body;
  }
}

/** A field's text, decoded. */
export const shownField = (part: Part, name: string): string => decodeWords(part.fields.get(name) ?? '');

/** All leaves, in order. */
export const leavesOf = (part: Part): readonly Part[] => (part.parts.length === 0 ? [part] : part.parts.flatMap(leavesOf));
