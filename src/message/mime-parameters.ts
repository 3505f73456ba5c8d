// The parameters of Content-Type and Content-Disposition (RFC 2045, section 5.1; RFC 2183). Works on text with one
// character an octet, and fails for no text.

import { textOf } from './encoded-word.ts';
import { type Field, fieldBody } from './field.ts';
import { contentOf, Tokens } from './tokens.ts';

/** What a field says: `value` in lower case, such as `text/plain`; the parameters by their names in lower case. */
type MimeValue = { readonly value: string; readonly parameters: ReadonlyMap<string, string> };

/** The value and the parameters of a field, without comments and quotes; of a name that stands twice the first. */
export function readMimeValue(field: Field): MimeValue {
  const [value = '', ...rest] = segmentsOf(fieldBody(field));
  const parameters = new Map<string, string>();
  for (const segment of rest) {
    const { name, value: given } = parameterOf(segment);
    if (name !== '' && !parameters.has(name)) parameters.set(name, given);
  }
  return { value: value.trim().toLowerCase(), parameters };
}

/** The words of the field with each value beyond ASCII as RFC 2231 encodes it, in UTF-8, for formatField. */
export function asciiMimeWords(field: Field): readonly string[] {
  const [value = '', ...rest] = segmentsOf(fieldBody(field));
  const parameters = rest.map((segment) => segment.trim()).filter((segment) => segment !== '');
  const words = [value.trim(), ...parameters.flatMap(asciiParameter)];
  return words.map((word, at) => (at < words.length - 1 ? `${word};` : word));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\u0000-\u007f]*$/;
// Octets of a value in one parameter, before each is written %XX. Longer ones are continued (RFC 2231, section 3).
const LONGEST_SECTION = 18;

function asciiParameter(segment: string): readonly string[] {
  if (ASCII.test(segment)) return [segment];
  const { name, value } = parameterOf(segment);
  const octets = Buffer.from(textOf(Buffer.from(value, 'latin1')));
  if (octets.length <= LONGEST_SECTION) return [`${name}*=utf-8''${percentEncoded(octets)}`];
  const sections = Math.ceil(octets.length / LONGEST_SECTION);
  return Array.from({ length: sections }, (_, at) => {
    const section = percentEncoded(octets.subarray(at * LONGEST_SECTION, (at + 1) * LONGEST_SECTION));
    return `${name}*${at}*=${at === 0 ? "utf-8''" : ''}${section}`;
  });
}

const percentEncoded = (octets: Uint8Array) =>
  [...octets]
    .map((octet) => String.fromCharCode(octet))
    .map((one) => (/[A-Za-z0-9._-]/.test(one) ? one : `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`))
    .join('');

function parameterOf(segment: string): { readonly name: string; readonly value: string } {
  const equals = segment.indexOf('=');
  const name = segment.slice(0, Math.max(equals, 0)).trim().toLowerCase();
  const value = segment.slice(equals + 1).trim();
  return { name, value: value.startsWith('"') ? contentOf(value) : value };
}

/** The text between semicolons, unfolded, without comments. */
function segmentsOf(text: string): readonly string[] {
  const tokens = new Tokens(text);
  const segments: string[] = [];
  let segment = '';
  for (let kind = tokens.next(); kind !== 'end'; kind = tokens.next()) {
    const token = text.slice(tokens.from, tokens.to).replace(/[\r\n]/g, '');
    if (kind === ';') {
      segments.push(segment);
      segment = '';
    } else if (kind !== 'comment') segment += token;
  }
  return [...segments, segment];
}
