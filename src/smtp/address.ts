// Mailboxes and paths (RFC 5321, sections 4.1.2 and 4.1.3). Parsing accepts what devices write (a bare local part, dots
// and underscores where the grammar has none); formatting emits only what the RFC allows. No control character is
// accepted, quoted or not: an address is written into header fields and logs, and must not be able to end a line there.

import { isIPv4, isIPv6 } from 'node:net';
import { hasControl } from './printable.ts';

/**
 * `localPart` is unquoted. `domain` is a name or an address literal in brackets; '' for a bare local part that is
 * still to be completed.
 */
export type Mailbox = { readonly localPart: string; readonly domain: string };

/** `null` is the empty reverse-path `<>` of notifications. */
export type ReversePath = Mailbox | null;

/** What is wrong with a path. `several`: there is a comma or semicolon between what look like addresses. */
export type MalformedPath = 'syntax' | 'several' | 'too-long' | 'control-character' | 'not-ascii';

// RFC 5321, section 4.5.3.1.3: a path is at most 256 octets, its brackets included.
const LONGEST_PATH = 254;
// Sections 4.5.3.1.1 and 4.5.3.1.2.
const LONGEST_LOCAL_PART = 64;
const LONGEST_DOMAIN = 255;

const DOT_STRING = /^[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+)*$/u;
// Real devices send dots where the grammar has none ("cam..1@", "cam.@"); they are accepted and quoted on the way out.
// One class and one quantifier: an expression with a choice in it needed exponential time for a long name with a comma.
const LOOSE_LOCAL_PART = /^[\w.!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+$/u;
const DOMAIN =
  /^(?:[\p{L}\p{M}\p{N}_](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}_])?)(?:\.[\p{L}\p{M}\p{N}_](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}_])?)*\.?$/u;
const QUOTED_STRING = /^"((?:[^"\\]|\\.)*)"$/su;
const SEVERAL = /@[^",;@]*[,;]/;
const SOURCE_ROUTE = /^@[^:<>"]*:/;
const NOT_ASCII = /[\u0080-\u{10ffff}]/u;

/**
 * The mailbox that `text` names, a path without its brackets, or what is wrong with it. A source route
 * (`@a,@b:user@c`) is ignored, as RFC 5321, appendix C, asks. Characters beyond ASCII are accepted only with `utf8`
 * (RFC 6531).
 */
export function parseMailbox(text: string, options: { readonly utf8: boolean }): Mailbox | MalformedPath {
  if (Buffer.byteLength(text) > LONGEST_PATH) return 'too-long';
  if (hasControl(text)) return 'control-character';
  if (!options.utf8 && NOT_ASCII.test(text)) return 'not-ascii';
  const path = text.replace(SOURCE_ROUTE, '');
  const at = splitAt(path);
  const local = at < 0 ? path : path.slice(0, at);
  const domain = at < 0 ? '' : path.slice(at + 1);
  const quoted = QUOTED_STRING.exec(local);
  const localPart = quoted === null ? local : (quoted[1] ?? '').replace(/\\(.)/gsu, '$1');
  if (quoted === null && SEVERAL.test(local)) return 'several';
  if (Buffer.byteLength(localPart) > LONGEST_LOCAL_PART || Buffer.byteLength(domain) > LONGEST_DOMAIN) return 'too-long';
  if (localPart === '' || (quoted === null && !LOOSE_LOCAL_PART.test(local))) return 'syntax';
  if (at >= 0 && !isDomain(domain)) return 'syntax';
  return { localPart, domain };
}

/**
 * Where the `@` between local part and domain stands: the last one, since a quoted local part may hold others. -1
 * for none.
 */
function splitAt(path: string): number {
  const at = path.lastIndexOf('@');
  return path.startsWith('"') && at < path.lastIndexOf('"') ? -1 : at;
}

/**
 * Whether `text` is a domain name or an address literal (`[192.0.2.1]`, `[IPv6:2001:db8::1]`). Underscores are
 * accepted: host names of devices have them.
 */
export function isDomain(text: string): boolean {
  if (!text.startsWith('[')) return DOMAIN.test(text) && text.split('.').every((label) => Buffer.byteLength(label) <= 63);
  if (!text.endsWith(']')) return false;
  const inner = text.slice(1, -1);
  return isIPv4(inner) || (/^IPv6:/i.test(inner) && isIPv6(inner.slice(5)));
}

/**
 * The mailbox as RFC 5321, section 4.1.2, writes it, without brackets: the local part quoted where it must be; no
 * `@` without domain.
 */
export function formatMailbox(mailbox: Mailbox): string {
  const local = DOT_STRING.test(mailbox.localPart) ? mailbox.localPart : `"${mailbox.localPart.replace(/(["\\])/g, '\\$1')}"`;
  return mailbox.domain === '' ? local : `${local}@${mailbox.domain}`;
}

/** The reverse-path with its brackets; `<>` for none. */
export function formatPath(path: ReversePath): string {
  return path === null ? '<>' : `<${formatMailbox(path)}>`;
}

/** Whether both name the same mailbox (RFC 5321, section 2.4): case matters in local parts, and does not in domains. */
export function isSameMailbox(one: Mailbox, other: Mailbox): boolean {
  return one.localPart === other.localPart && one.domain.toLowerCase() === other.domain.toLowerCase();
}

/** Whether the mailbox has characters beyond ASCII, so that it can be sent on with SMTPUTF8 only (RFC 6531). */
export function isInternational(mailbox: Mailbox): boolean {
  return NOT_ASCII.test(mailbox.localPart) || NOT_ASCII.test(mailbox.domain);
}
