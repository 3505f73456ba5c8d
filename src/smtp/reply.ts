// Replies (RFC 5321, section 4.2). One that we may send is a typed value whose status agrees with its code; one that
// another server sends has only the form that the RFC asks for: a code, perhaps a status, some lines.

import { printable } from './printable.ts';
import { type Status, statusOf } from './status.ts';

/** One line of text, or several for a multi-line reply. */
type Text = string | readonly [string, ...string[]];

/** Codes of replies of success that we send. */
type PositiveCode = 211 | 214 | 220 | 221 | 235 | 250 | 251 | 252 | 253;
/** Codes of refusals that may not hold later. */
type TransientCode = 421 | 450 | 451 | 452 | 454 | 458 | 459;
/** Codes of refusals that will hold. */
type PermanentCode = 500 | 501 | 502 | 503 | 504 | 521 | 530 | 534 | 535 | 538 | 550 | 552 | 553 | 554 | 555;

/** A reply with which something is refused; its enhanced status has the class of its code. */
export type Refusal =
  | { readonly code: TransientCode; readonly status: Status<4>; readonly text: Text }
  | { readonly code: PermanentCode; readonly status: Status<5>; readonly text: Text };

/** A reply of this server. RFC 2034: an intermediate (3yz) reply carries no enhanced status. */
export type Reply =
  | { readonly code: PositiveCode; readonly status?: Status<2>; readonly text: Text }
  | { readonly code: 334 | 354; readonly text: Text }
  | Refusal;

/** A reply of another server. `lines` are printable, without code; a status stands in the first of them as well. */
export type RemoteReply = { readonly code: number; readonly status?: Status; readonly lines: readonly [string, ...string[]] };

/** Whether the reply refuses something (4yz, 5yz). */
export function isRefusal(reply: Reply): reply is Refusal {
  return reply.code >= 400;
}

// A reply line may be 512 octets, code and CRLF included (RFC 5321, section 4.5.3.1.5).
const LONGEST_TEXT = 512 - '250-5.7.999 \r\n'.length;

/** The reply as octets for the wire, each line at most 512 octets, printable, and with the code and status in front. */
export function formatReply(reply: Reply): Buffer {
  const status = 'status' in reply && reply.status !== undefined ? `${reply.status} ` : '';
  const lines = typeof reply.text === 'string' ? [reply.text] : reply.text;
  const last = lines.length - 1;
  return Buffer.from(lines.map((line, at) => `${reply.code}${at === last ? ' ' : '-'}${status}${fitted(line)}\r\n`).join(''));
}

/** Text that fits into a reply line and can't end it: what a device sent may be quoted in it. */
function fitted(text: string): string {
  const clean = printable(text);
  return Buffer.byteLength(clean) <= LONGEST_TEXT
    ? clean
    : Buffer.from(clean)
        .subarray(0, LONGEST_TEXT)
        .toString('latin1')
        .replace(/[\x80-\xff]/g, '?');
}

/** The whole reply on one line, for logs and notifications: `550 5.1.1 no such user / try another`. */
export function describeReply(reply: RemoteReply): string {
  return `${reply.code} ${reply.lines.join(' / ')}`;
}

/** What a line of a reply makes of it. */
type ReplyStep =
  | { readonly result: 'more' }
  | { readonly result: 'reply'; readonly reply: RemoteReply }
  | { readonly result: 'malformed'; readonly line: string };

/** More lines than any EHLO has: a server whose reply does not end is given up. RFC 5321 has no limit. */
export const LONGEST_REPLY_LINES = 100;
// Octets of a whole reply: the longest EHLO has a tenth of it. What delivery keeps of a failure is no larger.
const LONGEST_REPLY = 16_384;

/**
 * Reads one reply (RFC 5321, section 4.2.1): the function that is returned takes each line, without its CRLF, until the
 * result is no longer `more`. A line without a code, a code that changes midway, and what is longer than a hundred
 * lines or 16 KiB are malformed.
 */
export function replyReader(): (line: Uint8Array) => ReplyStep {
  const lines: string[] = [];
  let code: number | undefined;
  let total = 0;
  return (octets) => {
    total += octets.length;
    const line = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('utf8');
    const match = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line);
    if (match === null || (code !== undefined && Number(match[1]) !== code) || lines.length >= LONGEST_REPLY_LINES || total > LONGEST_REPLY)
      return { result: 'malformed', line };
    code = Number(match[1]);
    // Cleaned here, once: a server's text is shown in logs, by commands and in notifications.
    lines.push(printable((match[3] ?? '').replaceAll('\t', ' ').trimEnd()));
    if (match[2] === '-') return { result: 'more' };
    const [first = '', ...rest] = lines;
    const status = statusOf(first, Math.trunc(code / 100));
    return { result: 'reply', reply: { code, ...(status === undefined ? {} : { status }), lines: [first, ...rest] } };
  };
}
