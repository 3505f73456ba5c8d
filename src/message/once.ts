// Fields without content, and fields that stand more often than they may (RFC 5322, section 3.6; RFC 2045): some
// providers refuse a message for either. The former are dropped; of several, the first with proper content stays, and
// lists of addresses become one.

import type { AddressReader } from './addresses.ts';
import { readDate } from './date.ts';
import { type Field, fieldBody, fieldValue } from './field.ts';
import { mergeLists } from './lists.ts';
import { outline } from './tokens.ts';

const ADDRESS_LISTS: ReadonlySet<string> = new Set(['to', 'cc']);

const ONCE: ReadonlySet<string> = new Set([
  ...['date', 'from', 'sender', 'reply-to', 'to', 'cc', 'message-id', 'in-reply-to', 'references', 'subject'],
  ...['mime-version', 'content-type', 'content-transfer-encoding', 'content-id', 'content-description', 'content-disposition'],
]);

// No syntax allows these to be empty. A Subject may be.
const NEVER_EMPTY =
  /^(?:resent-)?(?:date|from|sender|reply-to|to|cc|message-id)$|^(?:in-reply-to|references|mime-version)$|^content-(?:type|transfer-encoding|id|disposition)$/;

// Of a field that stands more often, only so many are looked at: a program that writes it twice does not write it a
// thousand times.
const MOST_CANDIDATES = 10;

/**
 * `fields` without those that have no content, each that may stand once standing once, where the first of them
 * stood. `addresses` reads the lists of this message.
 */
export function tidyFields(fields: readonly Field[], addresses: AddressReader): readonly Field[] {
  const kept = fields.filter(hasContent);
  const several = new Map<string, Field[]>();
  for (const field of kept) {
    const name = field.name.toLowerCase();
    if (!ONCE.has(name)) continue;
    const same = several.get(name);
    if (same === undefined) several.set(name, [field]);
    else same.push(field);
  }
  return kept.flatMap((field) => {
    const same = several.get(field.name.toLowerCase());
    if (same === undefined || same.length === 1) return [field];
    return field === same[0] ? [oneOf(field, same.slice(1), addresses)] : [];
  });
}

function hasContent(field: Field): boolean {
  const name = field.name.toLowerCase();
  if (name === 'message-id') return isMessageId(fieldBody(field));
  // What a script writes when it had nothing to put in has none: `"" <>`, `@`, `,`, a comment.
  return !NEVER_EMPTY.test(name) || /[^ ,;:<>@.]/.test(outline(fieldBody(field)));
}

/** RFC 5322, section 3.6.4: one identifier in brackets, with something on either side of its `@`. */
function isMessageId(body: string): boolean {
  const inner = /^<([^<>]*)>$/.exec(outline(body))?.[1] ?? '';
  const at = inner.lastIndexOf('@');
  return inner.slice(0, Math.max(at, 0)).trim() !== '' && inner.slice(at + 1).trim() !== '';
}

function oneOf(first: Field, others: readonly Field[], addresses: AddressReader): Field {
  const name = first.name.toLowerCase();
  if (ADDRESS_LISTS.has(name)) return mergeLists(first, others, addresses);
  const candidates = [first, ...others.slice(0, MOST_CANDIDATES - 1)];
  return (
    candidates.find((field) => hasProperContent(name, field, addresses)) ?? candidates.find((field) => fieldValue(field) !== '') ?? first
  );
}

function hasProperContent(name: string, field: Field, addresses: AddressReader): boolean {
  switch (name) {
    case 'date':
      return readDate(fieldBody(field)) !== undefined;
    case 'from':
      return addresses.hasAddress(fieldBody(field));
    default:
      return fieldValue(field) !== '';
  }
}
