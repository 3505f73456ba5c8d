// What devices send, as a log may show it. A device that is set up wrongly puts its password where a name or an address
// belongs (`cam:password` of a URL, the base64 of AUTH), and a log is read by more people than a password is for.
// Whatever may hold one is replaced by three dots; what is stored and sent on stays as it is.

import { isIPv6 } from 'node:net';
import { formatMailbox, type Mailbox, type ReversePath } from './address.ts';

const HIDDEN = '...';
const COLON = /:|%3a/i;
const BASE64 = /^[A-Za-z0-9+/]{6,}={0,2}$/;
const DECODED = /^[\0 -~]+$/;

/** A name that a device gave itself, or three dots. IPv6 addresses may have colons. */
export function discreet(name: string): string {
  return mayHoldPassword(name) ? HIDDEN : name;
}

/** The mailbox as `formatMailbox` writes it, its local part perhaps hidden. */
export function discreetMailbox(mailbox: Mailbox): string {
  if (!mayHoldPassword(mailbox.localPart)) return formatMailbox(mailbox);
  return mailbox.domain === '' ? HIDDEN : `${HIDDEN}@${mailbox.domain}`;
}

/** The same of a reverse-path, with its brackets. */
export function discreetPath(path: ReversePath): string {
  return path === null ? '<>' : `<${discreetMailbox(path)}>`;
}

function mayHoldPassword(text: string): boolean {
  const isAddress = isIPv6(text) || /^\[IPv6:[\da-f:.]+\]$/i.test(text);
  return (COLON.test(text) && !isAddress) || isBase64OfText(text);
}

/** Ordinary names of the same alphabet decode to octets that are no text, but for one in some hundred. */
function isBase64OfText(text: string): boolean {
  if (!BASE64.test(text) || text.length % 4 !== 0) return false;
  return text.endsWith('=') || DECODED.test(Buffer.from(text, 'base64').toString('latin1'));
}
