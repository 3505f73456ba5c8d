// Completes what a device left out of the header section, or wrote so that nobody can read it (RFC 6409, section 8):
// Date, Message-ID, From. A field that is right stays byte for byte as it came.

import { formatMailbox } from '../smtp/address.ts';
import type { Envelope } from '../smtp/envelope.ts';
import type { WallTime } from '../system/clock.ts';
import { type AddressReader, phraseWords, wordsOf } from './addresses.ts';
import { formatDate, readDate } from './date.ts';
import { firstOctets, wholeText, writeName } from './display-name.ts';
import { encodeWords } from './encoded-word.ts';
import { type Field, fieldBody, fieldsNamed, fieldValue, formatField } from './field.ts';

/** What the repairs need to know: of this relay, and of the message with its queue id. */
export type RepairContext = { readonly hostname: string; readonly id: string; readonly time: WallTime; readonly envelope: Envelope };

/** The fields that `fields` lacks, as octets. `before`: all fields that came, those without content included. */
export function missingFields(fields: readonly Field[], before: readonly Field[], context: RepairContext): readonly Buffer[] {
  const added: Buffer[] = [];
  const lacks = (name: string) => fieldsNamed({ fields }, name).length === 0;
  if (lacks('Date')) added.push(formatField('Date', [formatDate(context.time)]));
  if (lacks('From')) added.push(formatField('From', [senderAddress(context)]));
  if (lacks('Message-ID')) added.push(formatField('Message-ID', [`<${context.id}@${context.hostname}>`]));
  // A MIME-Version that came without a value was dropped; without one, programs show a picture as text.
  if (lacks('MIME-Version') && fieldsNamed({ fields: before }, 'MIME-Version').length > 0 && !lacks('Content-Type'))
    added.push(formatField('MIME-Version', ['1.0']));
  return added;
}

// No message is older than this relay: a device with an earlier date has a clock that was never set.
const EARLIEST = Date.UTC(2020, 0, 1);
// Octets. A text that is no date may be of any length, and what the relay adds to a message is bounded
// (MOST_ADDED_OCTETS).
const LONGEST_ORIGINAL = 400;

/**
 * The fields with our `time` in place of a Date of a device without a clock (1970, 2000 ...), or one that no
 * program can read; X-Original-Date keeps that. All as they are when our own clock is no better.
 */
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

/**
 * The fields with the envelope's address in a From that had none; what stood there becomes the name. All as they
 * are when the envelope's address has no domain either. `addresses` reads the lists of this message.
 */
export function repairFrom(fields: readonly Field[], context: RepairContext, addresses: AddressReader): readonly Field[] {
  if (context.envelope.reversePath?.domain === '') return fields;
  return fields.map((field) => {
    if (field.name.toLowerCase() !== 'from') return field;
    const text = fieldBody(field);
    if (addresses.hasAddress(text)) return field;
    const list = addresses.read(text);
    const phrase = list?.listed.length === 1 ? phraseWords(text, list.listed[0]?.phrase ?? []) : [];
    const name = writeName(phrase.length > 0 ? phrase : wholeText(text), 'From: '.length);
    return { name: 'From', raw: formatField('From', [...name, senderAddress(context)]) };
  });
}

/** RFC 6409, section 8.1: the reverse-path is the sender's address; a message without one is from this host. */
function senderAddress(context: RepairContext): string {
  const { reversePath } = context.envelope;
  return reversePath === null ? `<MAILER-DAEMON@${context.hostname}>` : `<${formatMailbox(reversePath)}>`;
}
