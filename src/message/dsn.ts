// A delivery status notification (RFC 3464) as a message: multipart/report with a text for people, a
// message/delivery-status for programs, and the message or its header section. The MIME is nodemailer's MimeNode's;
// who gets which notification is decided in delivery. A stream: a returned message is never in memory as a whole.

import { Readable } from 'node:stream';
import { formatMailbox, isInternational, type Mailbox } from '../smtp/address.ts';
import type { Recipient } from '../smtp/envelope.ts';
import { LineEndRepair } from '../smtp/line-ends.ts';
import { printable } from '../smtp/printable.ts';
import type { WallTime } from '../system/clock.ts';
import { formatDate } from './date.ts';
import { formatField } from './field.ts';
import { LineFolder } from './fold.ts';

/**
 * What became of the message (RFC 3464, section 2.3.3). `relayed`: passed on to an upstream that sends no
 * notifications.
 */
export type Action = 'failed' | 'delayed' | 'relayed';

/** What became of the message for one recipient. */
export type Report = {
  readonly recipient: Recipient;
  /** An enhanced status code (RFC 3463). */
  readonly status: string;
  /** The name of the upstream and its reply on one line; absent when no reply came. */
  readonly remote?: { readonly name: string; readonly reply: string };
  /** Sentences for people: what is wrong, and what can be done. */
  readonly remarks: readonly string[];
};

/** All that a notification is made of. */
export type Notification = {
  readonly action: Action;
  /** The queue id of the message that it is about. */
  readonly id: string;
  /** Of this relay. */
  readonly hostname: string;
  readonly from: Mailbox;
  readonly to: Mailbox;
  readonly reports: readonly [Report, ...Report[]];
  readonly envelopeId: string | undefined;
  readonly time: WallTime;
  /** Until when it is tried, for `delayed`. */
  readonly triedUntil?: WallTime;
  /** Text that occurs nowhere else, for the boundaries and the Message-ID. */
  readonly unique: string;
  /** What of the message goes back. */
  readonly returned:
    | { readonly what: 'headers'; readonly octets: Buffer }
    | { readonly what: 'full'; readonly octets: AsyncIterable<Uint8Array> };
};

/**
 * The notification's octets, with CRLF line ends and lines of at most 998 octets, whatever is returned: it may go
 * by DATA, where a bare CR is not allowed. It has 8-bit octets only where the message is returned in full, or in an
 * address. The stream rejects as the one that is returned does.
 */
export async function composeNotification(notification: Notification): Promise<AsyncIterable<Uint8Array>> {
  // Loaded when the first notification is made: a relay whose mail arrives never needs it.
  const { default: MimeNode } = await import('nodemailer/lib/mime-node');
  const { from, to, unique, hostname, returned } = notification;
  const root = new MimeNode('multipart/report; report-type=delivery-status', { newline: 'windows', baseBoundary: unique });
  root.setHeader({
    from: `Mail relay ${hostname.replace(/[^\w.-]/g, '')} <${formatMailbox(from)}>`,
    to: `<${formatMailbox(to)}>`,
    subject: subjectFor(notification),
    date: formatDate(notification.time),
    'message-id': `<${unique}@${hostname}>`,
    'auto-submitted': 'auto-replied', // RFC 3834: nothing answers this by itself
  });
  root.createChild('text/plain; charset=utf-8').setContent(textFor(notification));
  root.createChild('message/delivery-status').setContent(deliveryStatus(notification));
  if (returned.what === 'full') {
    // No other encoding is allowed for a message, and what holds it must say the same (RFC 2045, section 6.4).
    root.setHeader('content-transfer-encoding', '8bit');
    root.createChild('message/rfc822').setHeader('content-transfer-encoding', '8bit').setContent(Readable.from(returned.octets));
  } else {
    root.createChild('text/rfc822-headers; charset=utf-8').setContent(returned.octets);
  }
  return inLines(root.createReadStream());
}

async function* inLines(octets: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const repair = new LineEndRepair();
  const folder = new LineFolder();
  for await (const chunk of octets) for (const slice of repair.repair(chunk)) yield* folder.fold(slice);
  for (const slice of repair.end()) yield* folder.fold(slice);
  yield* folder.end();
}

/** Names the recipient: an owner who gets many notifications wants to see it in the list of messages. */
function subjectFor({ action, reports }: Notification): string {
  const [{ recipient }, ...others] = reports;
  return `${SUBJECT[action]}: ${formatMailbox(recipient.forwardPath)}${others.length === 0 ? '' : ` and ${others.length} more`}`;
}

const SUBJECT: Readonly<Record<Action, string>> = {
  failed: 'Not delivered',
  delayed: 'Delayed, still being tried',
  relayed: 'Passed on',
};

const WHAT_HAPPENED: Readonly<Record<Action, string>> = {
  failed: 'A message could not be delivered, and will not be tried again for:',
  delayed: 'A message is late. It is still being tried; nothing needs to be done for it yet. It waits for:',
  relayed: 'A message was passed on to a server that sends no notifications of its own, for:',
};

function textFor({ action, id, hostname, reports, triedUntil, returned }: Notification): string {
  const lines = [`This is the mail relay ${hostname}.`, '', WHAT_HAPPENED[action], ''];
  for (const { recipient, remote, remarks } of reports) {
    lines.push(`  ${clean(formatMailbox(recipient.forwardPath))}`);
    if (remote !== undefined) lines.push(`    ${remote.name} said: ${clean(remote.reply)}`);
    for (const remark of remarks) lines.push(`    ${clean(remark)}`);
    lines.push('');
  }
  if (triedUntil !== undefined) lines.push(`It will be given up about ${formatDate(triedUntil)}.`, '');
  lines.push(`Its queue id here was ${id}. ${returned.what === 'full' ? 'The message' : 'Its header section'} follows.`, '');
  return lines.join('\r\n');
}

/** RFC 3464, section 2: a block for the message, and one a recipient, each ended by an empty line. */
function deliveryStatus(notification: Notification): Buffer {
  const { action, hostname, envelopeId, reports, triedUntil } = notification;
  const blocks: Buffer[] = [];
  if (envelopeId !== undefined) blocks.push(field('Original-Envelope-Id', envelopeId));
  blocks.push(field('Reporting-MTA', `dns; ${hostname}`));
  for (const { recipient, status, remote } of reports) {
    blocks.push(Buffer.from('\r\n'));
    if (recipient.originalRecipient !== undefined) blocks.push(field('Original-Recipient', recipient.originalRecipient.replace(';', '; ')));
    blocks.push(field('Final-Recipient', typedAddress(recipient.forwardPath)), field('Action', action), field('Status', status));
    if (remote !== undefined) blocks.push(field('Remote-MTA', `dns; ${remote.name}`), field('Diagnostic-Code', `smtp; ${remote.reply}`));
    if (triedUntil !== undefined) blocks.push(field('Will-Retry-Until', formatDate(triedUntil)));
  }
  return Buffer.concat(blocks);
}

/** RFC 6533, section 3: an address beyond ASCII as utf-8-addr-xtext, so that the notification itself stays plain. */
function typedAddress(mailbox: Mailbox): string {
  const address = formatMailbox(mailbox);
  if (!isInternational(mailbox)) return `rfc822; ${address}`;
  const escaped = (character: string) => `\\x{${character.codePointAt(0)?.toString(16).toUpperCase()}}`;
  return `utf-8; ${[...address].map((one) => (/[!-*,-<>-[\]-~]/.test(one) ? one : escaped(one))).join('')}`;
}

// Characters. A reply may have a hundred lines; what matters is at its beginning.
const LONGEST_VALUE = 800;

/**
 * A field of the delivery status. What others wrote may be anything; here it is ASCII, as RFC 3464, section 2.1.1,
 * wants it, and folded between its words.
 */
function field(name: string, value: string): Buffer {
  const ascii = value.slice(0, LONGEST_VALUE).replace(/[^\x20-\x7e]/g, '?');
  return formatField(name, ascii.split(' '));
}

/** Text of others, for people. */
function clean(text: string): string {
  return printable(text.slice(0, LONGEST_VALUE));
}
