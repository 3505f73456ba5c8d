// Completes what a device left out of the header section, or got so wrong that it counts for nothing (RFC 6409,
// section 8): Date, Message-ID, From. What is there, and is what it should be, stays byte for byte as it
// came; what is added goes behind the trace field.

import { formatMailbox } from '../smtp/address.ts';
import type { Envelope } from '../smtp/envelope.ts';
import type { WallTime } from '../system/clock.ts';
import { hasAddress, phraseWords, readAddresses, wordsOf } from './addresses.ts';
import { formatDate, readDate } from './date.ts';
import { firstOctets, wholeText, writeName } from './display-name.ts';
import { encodeWords } from './encoded-word.ts';
import { type Field, fieldBody, fieldsNamed, fieldValue, formatField } from './field.ts';

export type RepairContext = { readonly hostname: string; readonly id: string; readonly time: WallTime; readonly envelope: Envelope };

/** The fields that are missing, ready for the wire. `before`: those that came, with those that said nothing. */
export function missingFields(fields: readonly Field[], before: readonly Field[], context: RepairContext): readonly Buffer[] {
  const added: Buffer[] = [];
  const lacks = (name: string) => fieldsNamed({ fields }, name).length === 0;
  if (lacks('Date')) added.push(formatField('Date', [formatDate(context.time)]));
  if (lacks('From')) added.push(formatField('From', [senderAddress(context)]));
  if (lacks('Message-ID')) added.push(formatField('Message-ID', [`<${context.id}@${context.hostname}>`]));
  // One that came without its version would leave a picture to be shown as text.
  if (lacks('MIME-Version') && fieldsNamed({ fields: before }, 'MIME-Version').length > 0 && !lacks('Content-Type'))
    added.push(formatField('MIME-Version', ['1.0']));
  return added;
}

// No device has mail from before this relay existed: its clock was never set.
const EARLIEST = Date.UTC(2020, 0, 1);
// What no date is may be of any length, and what the relay adds to a message is bounded.
const LONGEST_ORIGINAL = 400;

/** A Date that a device without clock stamped (1970, 2000 ...), or that no program can read, is replaced by ours, if ours is any better; the old one stays to be seen. */
export function repairDate(fields: readonly Field[], time: WallTime): readonly Field[] {
  if (time < EARLIEST) return fields;
  return fields.flatMap((field) => {
    if (field.name.toLowerCase() !== 'date') return [field];
    const date = readDate(fieldBody(field));
    if (date !== undefined && date >= EARLIEST) return [field];
    const original = wordsOf(firstOctets(fieldValue(field), LONGEST_ORIGINAL));
    return [
      { name: 'Date', raw: formatField('Date', [formatDate(time)]) },
      { name: 'X-Original-Date', raw: formatField('X-Original-Date', encodeWords(original, 'X-Original-Date: '.length)) },
    ];
  });
}

/** A From without address gets the envelope's, under the name of what stood there. One that has no better domain than the envelope has stays. */
export function repairFrom(fields: readonly Field[], context: RepairContext): readonly Field[] {
  if (context.envelope.reversePath?.domain === '') return fields;
  return fields.map((field) => {
    const text = fieldBody(field);
    if (field.name.toLowerCase() !== 'from' || hasAddress(text)) return field;
    const list = readAddresses(text);
    const phrase = list?.listed.length === 1 ? phraseWords(text, list.listed[0]?.phrase ?? []) : [];
    const name = writeName(phrase.length > 0 ? phrase : wholeText(text), 'From: '.length);
    return { name: 'From', raw: formatField('From', [...name, senderAddress(context)]) };
  });
}

/** RFC 6409, section 8.1: the reverse-path names the sender; a message without one is from this host. */
function senderAddress(context: RepairContext): string {
  const { reversePath } = context.envelope;
  return reversePath === null ? `<MAILER-DAEMON@${context.hostname}>` : `<${formatMailbox(reversePath)}>`;
}
