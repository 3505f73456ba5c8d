// Octets as a stream cuts them, for whatever must not care where it is cut, and text that is hard on such filters.

import fc from 'fast-check';

/** `octets` cut at the given places, which may lie anywhere and in any order. */
export function cutAt(octets: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const places = [0, ...cuts.map((cut) => Math.min(cut, octets.length)).sort((one, other) => one - other), octets.length];
  return places.slice(1).map((end, at) => octets.subarray(places[at], end));
}

/** Each octet by itself. */
export const octetByOctet = (octets: Buffer): readonly Buffer[] => [...octets].map((octet) => Buffer.of(octet));

/** Places for `cutAt` in text of that length. */
export const anyCuts = (length: number) => fc.array(fc.nat(length), { maxLength: 8 });

/** Text of all that has a meaning in mail data, long enough that some of it is copied, not sliced. One character an octet. */
export const nastyText = fc.string({
  unit: fc.constantFrom(
    '\r',
    '\n',
    '.',
    '\0',
    'a',
    '\r\n',
    '\r\r\n',
    '\r\n.\r\n',
    '\r\n.',
    'xyz',
    'a line of more than twenty-four octets',
  ),
  maxLength: 60,
});

/** What fills a filter with as many slices as it has octets, unless the filter prevents it. */
export const MANY_SLICES: readonly (readonly [string, string])[] = [
  ['bare LF', '\n'],
  ['bare CR', '\r'],
  ['short lines with LF', 'ab\n'],
  ['CR CR LF', 'ab\r\r\n'],
  ['stuffed dots', '..\r\n'],
  ['dots and a bare CR', '.\ra'],
];
