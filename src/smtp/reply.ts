// Replies (RFC 5321, section 4.2). What we may say is a typed value whose status agrees with its
// code; what others say is only as typed as the wire is: a code, perhaps a status, some lines.

import { printable } from './printable.ts';
import { type Status, statusOf } from './status.ts';

/** One line of text, or several for a multi-line reply. */
export type Text = string | readonly [string, ...string[]];

export type PositiveCode = 211 | 214 | 220 | 221 | 235 | 250 | 251 | 252 | 253;
export type TransientCode = 421 | 450 | 451 | 452 | 454 | 458 | 459;
export type PermanentCode = 500 | 501 | 502 | 503 | 504 | 521 | 530 | 534 | 535 | 538 | 550 | 552 | 553 | 554 | 555;

export type Refusal =
  | { readonly code: TransientCode; readonly status: Status<4>; readonly text: Text }
  | { readonly code: PermanentCode; readonly status: Status<5>; readonly text: Text };

/** What this server may say. RFC 2034: an intermediate (3yz) reply carries no enhanced status. */
export type Reply =
  | { readonly code: PositiveCode; readonly status?: Status<2>; readonly text: Text }
  | { readonly code: 334 | 354; readonly text: Text }
  | Refusal;

/** What another server said. */
export type RemoteReply = { readonly code: number; readonly status?: Status; readonly lines: readonly [string, ...string[]] };

export function isRefusal(reply: Reply): reply is Refusal {
  return reply.code >= 400;
}

// A reply line may be 512 octets, code and CRLF included (RFC 5321, section 4.5.3.1.5).
const LONGEST_TEXT = 512 - '250-5.7.999 \r\n'.length;

/** The reply as octets for the wire, each line at most 512 octets and free of control characters. */
export function formatReply(reply: Reply): Buffer {
  const status = 'status' in reply && reply.status !== undefined ? `${reply.status} ` : '';
  const lines = typeof reply.text === 'string' ? [reply.text] : reply.text;
  const last = lines.length - 1;
  return Buffer.from(lines.map((line, at) => `${reply.code}${at === last ? ' ' : '-'}${status}${fitted(line)}\r\n`).join(''));
}

/** Text safe inside a reply line: what a device sent may be quoted in it, so nothing of it can end the line. */
function fitted(text: string): string {
  const clean = printable(text);
  return Buffer.byteLength(clean) <= LONGEST_TEXT
    ? clean
    : Buffer.from(clean)
        .subarray(0, LONGEST_TEXT)
        .toString('latin1')
        .replace(/[\x80-\xff]/g, '?');
}

/** The whole reply on one line, for logs and notifications. */
export function describeReply(reply: RemoteReply): string {
  return `${reply.code} ${reply.lines.join(' / ')}`;
}

export type ReplyStep =
  | { readonly result: 'more' }
  | { readonly result: 'reply'; readonly reply: RemoteReply }
  | { readonly result: 'malformed'; readonly line: string };

/** How many lines of one reply are read before the sender is taken for broken. */
export const LONGEST_REPLY_LINES = 100;

/**
 * Reads a reply line by line (RFC 5321, section 4.2.1): feed each line without its CRLF until the
 * result is no longer `more`. A line without a code, or a code that changes midway, is malformed.
 */
export function replyReader(): (line: Uint8Array) => ReplyStep {
  const lines: string[] = [];
  let code: number | undefined;
  return (octets) => {
    const line = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('utf8');
    const match = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line);
    if (match === null || (code !== undefined && Number(match[1]) !== code) || lines.length >= LONGEST_REPLY_LINES)
      return { result: 'malformed', line };
    code = Number(match[1]);
    // Cleaned here, once: what a server says is shown in logs, by commands and in notifications.
    lines.push(printable((match[3] ?? '').replaceAll('\t', ' ').trimEnd()));
    if (match[2] === '-') return { result: 'more' };
    const [first = '', ...rest] = lines;
    const status = statusOf(first, Math.trunc(code / 100));
    return { result: 'reply', reply: { code, ...(status === undefined ? {} : { status }), lines: [first, ...rest] } };
  };
}
