// SENDER, RECIPIENT and DEFAULT_DOMAIN: what the relay rewrites in the envelope and in the header section because its
// owner wants it so. The device's own address stays visible, as a name and in Reply-To, so that people see which
// device it was.

import { formatMailbox, isInternational, isSameMailbox, type Mailbox } from '../smtp/address.ts';
import type { Envelope, Recipient, Recipients } from '../smtp/envelope.ts';
import type { Rewriting } from '../vocabulary/rewriting.ts';
import type { AddressReader } from './addresses.ts';
import { nameOfAuthor, writeName } from './display-name.ts';
import { type Field, fieldBody, fieldsNamed, formatField } from './field.ts';
import { completeAddresses } from './lists.ts';

/**
 * The envelope with the owner's sender and recipient, or with the domain that bare local parts lack. An empty
 * reverse-path stays empty.
 */
export function rewriteEnvelope(envelope: Envelope, { sender, recipient, defaultDomain }: Rewriting): Envelope {
  const completed = (mailbox: Mailbox) =>
    mailbox.domain === '' && defaultDomain !== undefined ? { ...mailbox, domain: defaultDomain } : mailbox;
  const { reversePath } = envelope;
  const recipients: Recipients =
    recipient === undefined
      ? mapRecipients(envelope.recipients, (one) => ({ ...one, forwardPath: completed(one.forwardPath) }))
      : [{ ...withoutOriginal(envelope.recipients[0]), forwardPath: recipient }];
  // The empty reverse-path of a notification prevents that it is answered by another one, for ever (RFC 5321,
  // section 4.5.5).
  if (reversePath === null) return { ...envelope, recipients };
  const given = completed(reversePath);
  if (sender === undefined || isSameMailbox(sender, given)) return { ...envelope, recipients, reversePath: given };
  return { ...envelope, recipients, reversePath: sender, givenSender: given };
}

function mapRecipients([first, ...rest]: Recipients, change: (one: Recipient) => Recipient): Recipients {
  return [change(first), ...rest.map(change)];
}

function withoutOriginal({ originalRecipient: _, ...rest }: Recipient): Recipient {
  return rest;
}

const ADDRESS_FIELDS: ReadonlySet<string> = new Set(['from', 'sender', 'reply-to', 'to', 'cc']);

/**
 * `fields` without Bcc (RFC 5322, section 3.6.3), with the domain that bare addresses lack, and with the owner's
 * address in From. `isUtf8`: SMTPUTF8 was declared. `addresses` reads the lists of this message.
 */
export function rewriteFields(
  fields: readonly Field[],
  { sender, defaultDomain }: Rewriting,
  { isUtf8, addresses }: { readonly isUtf8: boolean; readonly addresses: AddressReader },
): readonly Field[] {
  const kept = fields.filter(({ name }) => !/^(?:resent-)?bcc$/i.test(name));
  const completed =
    defaultDomain === undefined
      ? kept
      : kept.map((field) => (ADDRESS_FIELDS.has(field.name.toLowerCase()) ? completeAddresses(field, defaultDomain, addresses) : field));
  return sender === undefined ? completed : rewriteFrom(completed, { sender, isUtf8, addresses });
}

/**
 * From becomes the owner's address with the device's name; the addresses that stood there go to Reply-To, unless
 * that has one.
 */
function rewriteFrom(
  fields: readonly Field[],
  { sender, isUtf8, addresses }: { readonly sender: Mailbox; readonly isUtf8: boolean; readonly addresses: AddressReader },
): readonly Field[] {
  const [from] = fieldsNamed({ fields }, 'From');
  const text = from === undefined ? '' : fieldBody(from);
  const list = addresses.read(text);
  const authors = list?.listed.flatMap(({ mailbox }) => (mailbox === undefined || mailbox.domain === '' ? [] : [mailbox])) ?? [];
  const [only] = authors;
  if (list?.listed.length === 1 && only !== undefined && isSameMailbox(only, sender)) return fields;
  const name = from === undefined ? [] : writeName(nameOfAuthor(text, list), 'From: '.length);
  const added: Field[] = [{ name: 'From', raw: formatField('From', [...name, `<${formatMailbox(sender)}>`]) }];
  // An address can't be encoded: one beyond ASCII is allowed only where SMTPUTF8 was declared (RFC 6532).
  const reachable = authors.filter((author) => isUtf8 || !isInternational(author)).map((author) => `<${formatMailbox(author)}>`);
  const isAnswered = reachable.length === 0 || fieldsNamed({ fields }, 'Reply-To').some((field) => addresses.hasAddress(fieldBody(field)));
  if (!isAnswered) added.push({ name: 'Reply-To', raw: formatField('Reply-To', withCommas(reachable)) });
  const replaced = isAnswered ? /^(?:from|sender)$/i : /^(?:from|sender|reply-to)$/i;
  return [...added, ...fields.filter((field) => !replaced.test(field.name))];
}

const withCommas = (words: readonly string[]) => words.map((word, at) => (at < words.length - 1 ? `${word},` : word));
