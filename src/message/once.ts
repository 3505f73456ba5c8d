// A field that says nothing is as good as missing, and a field that may stand once stands once (RFC 5322,
// section 3.6; RFC 2045): some providers refuse a message for either. Of several the first stays that says
// what it should; where each holds addresses, all are kept in one.

import { hasAddress } from './addresses.ts';
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

/** The fields without those that say nothing, and each that may stand once standing once. */
export function tidyFields(fields: readonly Field[]): readonly Field[] {
  const kept = fields.filter(saysSomething);
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
    return field === same[0] ? [oneOf(field, same.slice(1))] : [];
  });
}

function saysSomething(field: Field): boolean {
  const name = field.name.toLowerCase();
  if (name === 'message-id') return isMessageId(fieldBody(field));
  // What is left when a script had nothing to put in: `"" <>`, `@`, `,`, a comment.
  return !NEVER_EMPTY.test(name) || /[^ ,;:<>@.]/.test(outline(fieldBody(field)));
}

/** RFC 5322, section 3.6.4: one identifier in brackets, with something on either side of its `@`. */
function isMessageId(body: string): boolean {
  const inner = /^<([^<>]*)>$/.exec(outline(body))?.[1] ?? '';
  const at = inner.lastIndexOf('@');
  return inner.slice(0, Math.max(at, 0)).trim() !== '' && inner.slice(at + 1).trim() !== '';
}

function oneOf(first: Field, others: readonly Field[]): Field {
  const name = first.name.toLowerCase();
  if (ADDRESS_LISTS.has(name)) return mergeLists(first, others);
  return (
    [first, ...others].find((field) => saysWhatItShould(name, field)) ??
    [first, ...others].find((field) => fieldValue(field) !== '') ??
    first
  );
}

function saysWhatItShould(name: string, field: Field): boolean {
  switch (name) {
    case 'date':
      return readDate(fieldBody(field)) !== undefined;
    case 'from':
      return hasAddress(fieldBody(field));
    default:
      return fieldValue(field) !== '';
  }
}
