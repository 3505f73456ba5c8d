// SENDER, RECIPIENT and DEFAULT_DOMAIN: what the owner has the relay rewrite, in the envelope and in the
// header section. The device's own address stays visible, as name and in Reply-To, so that people still
// see which camera it was.

import { formatMailbox, type Mailbox, parseMailbox } from '../smtp/address.ts';
import type { Envelope, Recipient, Recipients } from '../smtp/envelope.ts';
import { type Field, fieldsNamed, fieldValue, formatField } from './field.ts';

export type Rewriting = {
  readonly sender: Mailbox | undefined;
  readonly recipient: Mailbox | undefined;
  readonly defaultDomain: string | undefined;
};

export function rewriteEnvelope(envelope: Envelope, { sender, recipient, defaultDomain }: Rewriting): Envelope {
  const completed = (mailbox: Mailbox) =>
    mailbox.domain === '' && defaultDomain !== undefined ? { ...mailbox, domain: defaultDomain } : mailbox;
  const { reversePath } = envelope;
  const recipients: Recipients =
    recipient === undefined
      ? mapRecipients(envelope.recipients, (one) => ({ ...one, forwardPath: completed(one.forwardPath) }))
      : [{ ...withoutOriginal(envelope.recipients[0]), forwardPath: recipient }];
  // A notification's empty reverse-path stays empty: an answer to it would go round.
  return { ...envelope, recipients, reversePath: reversePath === null ? null : (sender ?? completed(reversePath)) };
}

function mapRecipients([first, ...rest]: Recipients, change: (one: Recipient) => Recipient): Recipients {
  return [change(first), ...rest.map(change)];
}

function withoutOriginal({ originalRecipient: _, ...rest }: Recipient): Recipient {
  return rest;
}

const ADDRESS_FIELDS: ReadonlySet<string> = new Set(['from', 'sender', 'reply-to', 'to', 'cc']);

/** The header section's fields with Bcc gone (RFC 5322, section 3.6.3), bare addresses completed and From rewritten. */
export function rewriteFields(fields: readonly Field[], { sender, defaultDomain }: Rewriting): readonly Field[] {
  const kept = fields.filter(({ name }) => !/^(?:resent-)?bcc$/i.test(name));
  const completed = defaultDomain === undefined ? kept : kept.map((field) => completeField(field, defaultDomain));
  return sender === undefined ? completed : rewriteFrom(completed, sender);
}

/** `root` or `Door <root>` as `root@domain`; a value that is anything more intricate is left as it is. */
function completeField(field: Field, domain: string): Field {
  if (!ADDRESS_FIELDS.has(field.name.toLowerCase())) return field;
  const value = fieldValue(field);
  if (value.includes('@') || value.includes('"')) return field;
  const addresses = value.split(',').map((one) => one.trim());
  const whole = addresses.map((one) => {
    const angle = /^([^<>]*)<([\w.+-]+)>$/.exec(one);
    if (angle !== null) return `${angle[1] ?? ''}<${angle[2] ?? ''}@${domain}>`;
    return /^[\w.+-]+$/.test(one) ? `${one}@${domain}` : undefined;
  });
  if (whole.some((one) => one === undefined)) return field;
  return { name: field.name, raw: formatField(field.name, withCommas(whole as string[])) };
}

const withCommas = (words: readonly string[]) => words.map((word, at) => (at < words.length - 1 ? `${word},` : word));

/** From becomes the owner's address under the device's name; the device's address goes to Reply-To unless there is one. */
function rewriteFrom(fields: readonly Field[], sender: Mailbox): readonly Field[] {
  const [from] = fieldsNamed({ fields }, 'From');
  const own = from === undefined ? undefined : readAuthor(fieldValue(from));
  if (own?.address === formatMailbox(sender)) return fields;
  const others = fields.filter(({ name }) => !/^(?:from|sender)$/i.test(name));
  const name = own?.name ?? own?.address;
  const added: Field[] = [
    { name: 'From', raw: formatField('From', [...(name === undefined ? [] : [quotedName(name)]), `<${formatMailbox(sender)}>`]) },
  ];
  const isReachable = own?.address?.includes('@') === true;
  if (isReachable && fieldsNamed({ fields }, 'Reply-To').length === 0)
    added.push({ name: 'Reply-To', raw: formatField('Reply-To', [`<${own.address}>`]) });
  return [...added, ...others];
}

/** Display name and address of a From with one author; whatever can't be read is a name. */
function readAuthor(value: string): { name: string | undefined; address: string | undefined } {
  const angle = /^(.*?)<([^<>]*)>\s*$/s.exec(value);
  const address = (angle?.[2] ?? value).trim();
  const name = angle?.[1]?.trim().replace(/^"(.*)"$/s, '$1');
  const parsed = parseMailbox(address, { utf8: true });
  if (typeof parsed === 'string') return { name: value, address: undefined };
  return { name: name === undefined || name === '' ? undefined : name, address: formatMailbox(parsed) };
}

/** Encoded words (RFC 2047) stay as they are: inside quotes they would mean themselves. All else is quoted. */
function quotedName(name: string): string {
  return /^=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=(?:\s+=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=)*$/.test(name)
    ? name
    : `"${name.replace(/(["\\])/g, '\\$1')}"`;
}
