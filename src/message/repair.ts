// Completes what a device left out of the header section (RFC 6409, section 8): Date, Message-ID,
// From. What is there stays byte for byte as it came; what is added goes behind the trace field.

import { formatMailbox } from '../smtp/address.ts';
import type { Envelope } from '../smtp/envelope.ts';
import { formatDate, type WallTime } from '../system/clock.ts';
import { fieldsNamed, formatField, type HeaderSection } from './header.ts';

export type RepairContext = { readonly hostname: string; readonly id: string; readonly time: WallTime; readonly envelope: Envelope };

/** The fields that are missing, ready for the wire. */
export function missingFields(section: HeaderSection, context: RepairContext): readonly Buffer[] {
  const added: Buffer[] = [];
  const lacks = (name: string) => fieldsNamed(section, name).length === 0;
  if (lacks('Date')) added.push(formatField('Date', [formatDate(context.time)]));
  if (lacks('From')) added.push(formatField('From', [fromAddress(context)]));
  if (lacks('Message-ID')) added.push(formatField('Message-ID', [`<${context.id}@${context.hostname}>`]));
  return added;
}

/** RFC 6409, section 8.1: the reverse-path names the sender; a message without one is from this host. */
function fromAddress(context: RepairContext): string {
  const { reversePath } = context.envelope;
  return reversePath === null ? `<MAILER-DAEMON@${context.hostname}>` : `<${formatMailbox(reversePath)}>`;
}
