// Completes what a device left out of the header section (RFC 6409, section 8): Date, Message-ID,
// From. What is there stays byte for byte as it came; what is added goes behind the trace field.

import { formatMailbox } from '../smtp/address.ts';
import type { Envelope } from '../smtp/envelope.ts';
import { formatDate, type WallTime } from '../system/clock.ts';
import { type Field, fieldsNamed, fieldValue, formatField } from './field.ts';

export type RepairContext = { readonly hostname: string; readonly id: string; readonly time: WallTime; readonly envelope: Envelope };

/** The fields that are missing, ready for the wire. */
export function missingFields(fields: readonly Field[], context: RepairContext): readonly Buffer[] {
  const added: Buffer[] = [];
  const lacks = (name: string) => fieldsNamed({ fields }, name).length === 0;
  if (lacks('Date')) added.push(formatField('Date', [formatDate(context.time)]));
  if (lacks('From')) added.push(formatField('From', [fromAddress(context)]));
  if (lacks('Message-ID')) added.push(formatField('Message-ID', [`<${context.id}@${context.hostname}>`]));
  return added;
}

// No device has mail from before this relay existed: its clock was never set.
const EARLIEST = Date.UTC(2020, 0, 1);

/** A Date that a device without clock stamped (1970, 2000 ...) is replaced by ours, if ours is any better; the old one stays to be seen. */
export function repairDate(fields: readonly Field[], time: WallTime): readonly Field[] {
  if (time < EARLIEST) return fields;
  return fields.flatMap((field) => {
    if (field.name.toLowerCase() !== 'date') return [field];
    const value = fieldValue(field);
    if (!(Date.parse(value) < EARLIEST)) return [field];
    return [
      { name: 'Date', raw: formatField('Date', [formatDate(time)]) },
      { name: 'X-Original-Date', raw: formatField('X-Original-Date', [value]) },
    ];
  });
}

/** RFC 6409, section 8.1: the reverse-path names the sender; a message without one is from this host. */
function fromAddress(context: RepairContext): string {
  const { reversePath } = context.envelope;
  return reversePath === null ? `<MAILER-DAEMON@${context.hostname}>` : `<${formatMailbox(reversePath)}>`;
}
