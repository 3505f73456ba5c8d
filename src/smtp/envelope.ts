// The envelope (RFC 5321, section 2.3.1): whom a message is from and for, and the parameters of MAIL and RCPT. The type
// has no envelope without recipients.

import { isInternational, isSameMailbox, type Mailbox, type ReversePath } from './address.ts';

/** The value of BODY= (RFC 6152, RFC 3030). */
export type BodyType = '7BIT' | '8BITMIME' | 'BINARYMIME';

/** When a notification is wanted (RFC 3461, section 4.1): never, or on any of the named events. */
export type Notify = 'never' | readonly ('success' | 'failure' | 'delay')[];

/** A recipient with the parameters of its RCPT (RFC 3461). */
export type Recipient = {
  readonly forwardPath: Mailbox;
  readonly notify?: Notify;
  /** ORCPT (RFC 3461, section 4.2): address type and decoded address, `rfc822;user@example.org`. */
  readonly originalRecipient?: string;
};
/** At least one; two that are the same mailbox are merged (`withRecipient`). */
export type Recipients = readonly [Recipient, ...Recipient[]];

/** MAIL's parameters, but for SIZE, which is of no use once the message is there. */
export type MailParameters = {
  readonly body?: BodyType;
  readonly smtpUtf8?: true;
  /** RET (RFC 3461, section 4.3): how much of the message a notification returns. */
  readonly ret?: 'full' | 'headers';
  /** ENVID (RFC 3461, section 4.4), decoded. */
  readonly envelopeId?: string;
};

/** `reversePath` is null for notifications, which nobody answers. */
export type Envelope = {
  readonly reversePath: ReversePath;
  readonly recipients: Recipients;
  readonly parameters: MailParameters;
  /** The sender that the device gave, where GATEPOST_SENDER has replaced it: it decides on the upstreams. */
  readonly givenSender?: Mailbox;
};

/** `recipients` with one more. A recipient that is already among them stays as it is, with the parameters it had. */
export function withRecipient(recipients: readonly Recipient[], recipient: Recipient): Recipients {
  const [first, ...rest] = recipients;
  if (first === undefined) return [recipient];
  return recipients.some((known) => isSameMailbox(known.forwardPath, recipient.forwardPath))
    ? [first, ...rest]
    : [first, ...rest, recipient];
}

/** The envelope with NOTIFY=NEVER for all, so that the next hop sends no notification. */
export function withoutNotifications(envelope: Envelope): Envelope {
  const silent = ({ forwardPath }: Recipient): Recipient => ({ forwardPath, notify: 'never' });
  const [first, ...rest] = envelope.recipients;
  const { ret: _, envelopeId: __, ...parameters } = envelope.parameters;
  return { ...envelope, recipients: [silent(first), ...rest.map(silent)], parameters };
}

/**
 * Whether the message can be sent on with SMTPUTF8 only (RFC 6531, section 3.4): an address needs it, or the sender
 * declared it for the header section.
 */
export function needsSmtpUtf8(envelope: Envelope): boolean {
  return (
    envelope.parameters.smtpUtf8 === true ||
    (envelope.reversePath !== null && isInternational(envelope.reversePath)) ||
    envelope.recipients.some((recipient) => isInternational(recipient.forwardPath))
  );
}
