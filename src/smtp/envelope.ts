// The envelope (RFC 5321, section 2.3.1): who a message is from and to, and what MAIL and RCPT said
// about it. An envelope without recipients can't be written down.

import { isInternational, isSameMailbox, type Mailbox, type ReversePath } from './address.ts';

/** BODY= (RFC 6152, RFC 3030). */
export type BodyType = '7BIT' | '8BITMIME' | 'BINARYMIME';

/** When a notification is wanted (RFC 3461, section 4.1): never, or on any of the named events. */
export type Notify = 'never' | readonly ('success' | 'failure' | 'delay')[];

export type Recipient = {
  readonly forwardPath: Mailbox;
  readonly notify?: Notify;
  /** ORCPT (RFC 3461, section 4.2): address type and decoded address, `rfc822;user@example.org`. */
  readonly originalRecipient?: string;
};
export type Recipients = readonly [Recipient, ...Recipient[]];

/** What MAIL's parameters say of the message. */
export type MailParameters = {
  readonly body?: BodyType;
  readonly smtpUtf8?: true;
  /** RET (RFC 3461, section 4.3): how much of the message a notification returns. */
  readonly ret?: 'full' | 'headers';
  /** ENVID (RFC 3461, section 4.4), decoded. */
  readonly envelopeId?: string;
};

export type Envelope = { readonly reversePath: ReversePath; readonly recipients: Recipients; readonly parameters: MailParameters };

/** `recipients` with one more; a recipient already there is merged, its own parameters kept (the first word counts). */
export function withRecipient(recipients: readonly Recipient[], recipient: Recipient): Recipients {
  const [first, ...rest] = recipients;
  if (first === undefined) return [recipient];
  return recipients.some((known) => isSameMailbox(known.forwardPath, recipient.forwardPath))
    ? [first, ...rest]
    : [first, ...rest, recipient];
}

/** The envelope with nobody to be told by the next hop what becomes of it. */
export function withoutNotifications(envelope: Envelope): Envelope {
  const silent = ({ forwardPath }: Recipient): Recipient => ({ forwardPath, notify: 'never' });
  const [first, ...rest] = envelope.recipients;
  const { ret: _, envelopeId: __, ...parameters } = envelope.parameters;
  return { ...envelope, recipients: [silent(first), ...rest.map(silent)], parameters };
}

/** Whether the envelope can only travel with SMTPUTF8 (RFC 6531, section 3.4): an address needs it, or the sender declared it for the header section. */
export function needsSmtpUtf8(envelope: Envelope): boolean {
  return (
    envelope.parameters.smtpUtf8 === true ||
    (envelope.reversePath !== null && isInternational(envelope.reversePath)) ||
    envelope.recipients.some((recipient) => isInternational(recipient.forwardPath))
  );
}
