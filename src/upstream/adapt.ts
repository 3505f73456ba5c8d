// A message as this upstream can take it: what needs an extension that is not offered is converted, and refused only
// where there is no conversion. It is made for this attempt: the spool keeps the original, so that an upstream which
// offers the extension gets that. The converted message is counted before it is sent, since SIZE and BDAT say its
// length.

import { domainToASCII } from 'node:url';
import { toAsciiFields, toSevenBit } from '../message/convert.ts';
import { survey } from '../message/survey.ts';
import { formatMailbox, isInternational, type Mailbox } from '../smtp/address.ts';
import { type Envelope, needsSmtpUtf8, type Recipient } from '../smtp/envelope.ts';
import type { Status } from '../smtp/status.ts';
import type { MessageFailure, Outcome } from '../vocabulary/attempt.ts';
import type { Capabilities } from './capabilities.ts';

/** A message to be sent. `octets`: the length of `body`, which is read from its beginning at each call. */
export type Message = {
  readonly envelope: Envelope;
  readonly octets: number;
  /** Rejects when the octets can't be read. */
  readonly body: () => AsyncIterable<Uint8Array>;
};

/** An outcome that is settled before the message was taken. */
export type RefusedOutcome = Exclude<Outcome, { outcome: 'delivered' }>;

/** What is sent, to those recipients that are not refused beforehand. */
export type Adapted = {
  /** Undefined where all recipients are refused. */
  readonly message: Message | undefined;
  /** One a recipient of the given message; undefined for those that `message` goes to. */
  readonly refusals: readonly (RefusedOutcome | undefined)[];
  /** Whether something had to be converted that a signature covers. */
  readonly breaksSignature: boolean;
};

/** The message for an upstream with these capabilities. Rejects as the message's body does. */
export async function adapt(message: Message, capabilities: Capabilities): Promise<Adapted> {
  const { envelope, refusals } = adaptEnvelope(message.envelope, capabilities);
  if (envelope === undefined) return { message: undefined, refusals, breaksSignature: false };
  const { breaksSignature, ...adapted } = await adaptBody(
    { ...message, envelope },
    { capabilities, isDowngraded: envelope !== message.envelope },
  );
  const tooLarge = refuseSize(adapted.message.octets, capabilities);
  if (tooLarge === undefined) return { ...adapted, refusals, breaksSignature };
  return { message: undefined, refusals: refusals.map((one) => one ?? tooLarge), breaksSignature: false };
}

function refuseSize(octets: number, { sizeLimit }: Capabilities): RefusedOutcome | undefined {
  if (sizeLimit === undefined || octets <= sizeLimit) return undefined;
  return refusedHere(552, '5.3.4', `the message has ${octets} octets, the upstream takes ${sizeLimit}`, {
    advice: `the provider takes messages of at most ${sizeLimit} octets, and devices are offered that limit from now on: let the device send smaller pictures`,
  });
}

type AdaptedEnvelope = { readonly envelope: Envelope | undefined; readonly refusals: Adapted['refusals'] };

/** The envelope without SMTPUTF8 where that is not offered; the same object where nothing is to be done. */
function adaptEnvelope(envelope: Envelope, { smtpUtf8, binaryMime, chunking }: Capabilities): AdaptedEnvelope {
  const all = (refusal: RefusedOutcome) => ({ envelope: undefined, refusals: envelope.recipients.map(() => refusal) });
  if (envelope.parameters.body === 'BINARYMIME' && !(binaryMime && chunking))
    return all(refusedHere(554, '5.6.3', 'the message is BINARYMIME, which the upstream does not offer'));
  if (smtpUtf8 || !needsSmtpUtf8(envelope)) return { envelope, refusals: envelope.recipients.map(() => undefined) };
  const { smtpUtf8: _, ...parameters } = envelope.parameters;
  const reversePath = envelope.reversePath === null ? null : asciiMailbox(envelope.reversePath);
  if (reversePath === undefined) return all(notAscii('sender', envelope.reversePath));
  const recipients = envelope.recipients.map(asciiRecipient);
  const [first, ...rest] = recipients.filter((one) => 'forwardPath' in one);
  return {
    envelope: first === undefined ? undefined : { reversePath, recipients: [first, ...rest], parameters },
    refusals: recipients.map((one) => ('outcome' in one ? one : undefined)),
  };
}

function asciiRecipient(recipient: Recipient): Recipient | RefusedOutcome {
  const forwardPath = asciiMailbox(recipient.forwardPath);
  return forwardPath === undefined ? notAscii('recipient', recipient.forwardPath) : { ...recipient, forwardPath };
}

/** The mailbox with its domain as IDNA (RFC 5890) writes it; undefined where it has no ASCII form. */
function asciiMailbox(mailbox: Mailbox): Mailbox | undefined {
  if (!isInternational(mailbox)) return mailbox;
  const ascii = { ...mailbox, domain: domainToASCII(mailbox.domain) };
  return ascii.domain === '' || isInternational(ascii) ? undefined : ascii;
}

function notAscii(what: 'sender' | 'recipient', mailbox: Mailbox | null): RefusedOutcome {
  const address = mailbox === null ? '<>' : formatMailbox(mailbox);
  const setting = what === 'sender' ? 'GATEPOST_SENDER sends from another address' : 'use an address of that person in plain letters';
  return refusedHere(550, '5.6.7', `the ${what} ${address} needs SMTPUTF8, which the upstream does not offer`, {
    advice: `this provider takes no address with letters beyond ASCII in front of the @: ${setting}`,
  });
}

type BodyNeeds = {
  readonly capabilities: Capabilities;
  /** Whether SMTPUTF8 was declared and can't be. */
  readonly isDowngraded: boolean;
};

async function adaptBody(
  message: Message,
  { capabilities, isDowngraded }: BodyNeeds,
): Promise<{ message: Message; breaksSignature: boolean }> {
  if (!capabilities.eightBitMime && message.envelope.parameters.body !== 'BINARYMIME') {
    const surveyed = await survey(message.body());
    if (!surveyed.hasEightBit) return { message, breaksSignature: false };
    const envelope: Envelope = { ...message.envelope, parameters: { ...message.envelope.parameters, body: '7BIT' } };
    const converted = await counted(envelope, () => toSevenBit(message.body(), surveyed));
    return { message: converted, breaksSignature: surveyed.hasEightBitSigned };
  }
  if (!isDowngraded) return { message, breaksSignature: false };
  return { message: await counted(message.envelope, () => toAsciiFields(message.body())), breaksSignature: false };
}

async function counted(envelope: Envelope, body: () => AsyncIterable<Uint8Array>): Promise<Message> {
  let octets = 0;
  for await (const chunk of body()) octets += chunk.length;
  return { envelope, octets, body };
}

function refusedHere(code: number, status: Status<5>, problem: string, { advice }: { readonly advice?: string } = {}): RefusedOutcome {
  const reply = { code, status, lines: [problem] } as const;
  const failure: MessageFailure = { scope: 'message', stage: 'mail', cause: 'message', problem, advice, reply };
  return { outcome: 'bounced', failure };
}
