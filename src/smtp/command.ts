// One command line as a value (RFC 5321, section 4.1.1, and the extensions' commands). Any octets give a Command, or a
// Malformed that says what is wrong; server/replies.ts has the texts. It accepts what devices get wrong (a space
// after the colon, no brackets, spaces at the end, a CR too many) and knows nothing of order or policy.

import { formatMailbox, formatPath, type Mailbox, type MalformedPath, parseMailbox, type ReversePath } from './address.ts';
import type { MailParameters, Recipient } from './envelope.ts';
import { type MalformedParameter, parseMailParameters, parseRcptParameters } from './parameters.ts';
import { printable } from './printable.ts';

/** A command whose syntax is right. */
export type Command =
  | { readonly verb: 'EHLO' | 'HELO'; readonly name: string }
  | { readonly verb: 'MAIL'; readonly reversePath: ReversePath; readonly size: number | undefined; readonly parameters: MailParameters }
  | { readonly verb: 'RCPT'; readonly recipient: Recipient }
  | { readonly verb: 'BDAT'; readonly octets: number; readonly last: boolean }
  | { readonly verb: 'AUTH'; readonly mechanism: string; readonly initialResponse: string | undefined }
  | { readonly verb: 'VRFY' | 'EXPN' | 'ETRN'; readonly argument: string }
  | { readonly verb: 'DATA' | 'RSET' | 'NOOP' | 'QUIT' | 'HELP' | 'STARTTLS' }
  | { readonly verb: 'SEND' | 'SOML' | 'SAML' | 'TURN' };

/** A command's name, in capitals. */
export type Verb = Command['verb'];

/** A protocol other than SMTP, recognised by its first octets. */
type OtherProtocol = 'tls' | 'http';

/**
 * A line that is no command, and why. `unknown-command`: its first word is none that we know; `empty`: it has only
 * blanks.
 */
export type Malformed =
  | { readonly malformed: 'not-smtp'; readonly protocol: OtherProtocol }
  | { readonly malformed: 'unknown-command' | 'empty' | 'too-long' }
  | { readonly malformed: 'syntax'; readonly verb: Verb }
  | { readonly malformed: 'path'; readonly verb: 'MAIL' | 'RCPT'; readonly fault: MalformedPath; readonly argument: string }
  | MalformedParameter;

// RFC 5321, section 4.5.3.1.2, for a domain. A longer name is cut: it is only written into the trace field and the log.
const LONGEST_HELLO = 255;
// HTTP requests that come to this port: making a browser speak to it is an old attack.
const HTTP = /^(?:(?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|TRACE|CONNECT|PRI) |Host:|User-Agent:|Content-|Accept:|Origin:)/i;
// A record of type handshake, version 3 (RFC 8446, section 5.1): what a client that expects TLS sends first.
const TLS = '\u0016\u0003';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function decode(line: Uint8Array): string {
  try {
    return strictUtf8.decode(line);
  } catch {
    // Not UTF-8: each octet as itself; parseMailbox then finds what is outside ASCII.
    return Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('latin1');
  }
}

/** The command in `line`, which comes without its line end. Blanks around it are ignored. Never throws. */
export function parseCommand(line: Uint8Array): Command | Malformed {
  const text = withoutBlanks(decode(line));
  if (text === '') return { malformed: 'empty' };
  if (text.startsWith(TLS)) return { malformed: 'not-smtp', protocol: 'tls' };
  if (HTTP.test(text)) return { malformed: 'not-smtp', protocol: 'http' };
  const match = /^([A-Za-z]+)(?:[ \t]+(.*))?$/s.exec(text);
  if (match === null) return { malformed: 'unknown-command' };
  const verb = (match[1] ?? '').toUpperCase();
  const argument = match[2] ?? '';
  switch (verb) {
    case 'EHLO':
    case 'HELO':
      return { verb, name: argument.slice(0, LONGEST_HELLO) };
    case 'MAIL':
      return parseMail(argument);
    case 'RCPT':
      return parseRcpt(argument);
    case 'BDAT':
      return parseBdat(argument);
    case 'AUTH':
      return parseAuth(argument);
    case 'VRFY':
    case 'EXPN':
    case 'ETRN':
      return argument === '' ? { malformed: 'syntax', verb } : { verb, argument };
    case 'NOOP':
    case 'HELP':
      return { verb }; // RFC 5321, section 4.1.1.9: an argument is allowed and ignored.
    case 'DATA':
    case 'RSET':
    case 'QUIT':
    case 'STARTTLS':
      return argument === '' ? { verb } : { malformed: 'syntax', verb };
    case 'SEND':
    case 'SOML':
    case 'SAML':
    case 'TURN':
      return { verb };
    default:
      return { malformed: 'unknown-command' };
  }
}

/**
 * `trim` would also remove what is white space in Unicode alone; a regular expression would be quadratic in the
 * number of blanks.
 */
function withoutBlanks(text: string): string {
  const isBlank = (at: number) => ' \t\r'.includes(text.charAt(at));
  let from = 0;
  let end = text.length;
  while (from < end && isBlank(from)) from += 1;
  while (end > from && isBlank(end - 1)) end -= 1;
  return text.slice(from, end);
}

function parseMail(argument: string): Command | Malformed {
  const split = splitPath(/^FROM[ \t]*:[ \t]*/i, argument);
  if (split === undefined) return { malformed: 'syntax', verb: 'MAIL' };
  const reversePath = split.path === '' ? null : parseMailbox(split.path, { utf8: true });
  if (typeof reversePath === 'string') return { malformed: 'path', verb: 'MAIL', fault: reversePath, argument };
  const parsed = parseMailParameters(split.words);
  return 'malformed' in parsed ? parsed : { verb: 'MAIL', reversePath, ...parsed };
}

function parseRcpt(argument: string): Command | Malformed {
  const split = splitPath(/^TO[ \t]*:[ \t]*/i, argument);
  if (split === undefined) return { malformed: 'syntax', verb: 'RCPT' };
  const forwardPath: Mailbox | MalformedPath = parseMailbox(split.path, { utf8: true });
  if (typeof forwardPath === 'string') return { malformed: 'path', verb: 'RCPT', fault: forwardPath, argument };
  const parsed = parseRcptParameters(split.words);
  return 'malformed' in parsed ? parsed : { verb: 'RCPT', recipient: { forwardPath, ...parsed } };
}

/**
 * The path, without brackets, and the words after it; undefined when the keyword is missing or a bracket is not
 * closed.
 */
function splitPath(keyword: RegExp, argument: string): { path: string; words: string[] } | undefined {
  const start = keyword.exec(argument);
  if (start === null) return undefined;
  const rest = argument.slice(start[0].length);
  // Inside brackets a quoted string may hold anything, spaces and brackets included; without brackets (LSI MegaRAID
  // controllers) the path ends at the first space.
  const path = /^<((?:"(?:[^"\\]|\\.)*"|[^">])*)>(?=[ \t]|$)/s.exec(rest) ?? /^((?:"(?:[^"\\]|\\.)*"|[^"<> \t])+)(?=[ \t]|$)/s.exec(rest);
  if (path === null) return undefined;
  const words = rest
    .slice(path[0].length)
    .split(/[ \t]+/)
    .filter((word) => word !== '');
  return { path: (path[1] ?? '').trim(), words };
}

/** RFC 3030, section 2: octets of the chunk, and whether it is the last. */
function parseBdat(argument: string): Command | Malformed {
  const match = /^(\d{1,15})(?:[ \t]+(LAST))?$/i.exec(argument);
  return match === null ? { malformed: 'syntax', verb: 'BDAT' } : { verb: 'BDAT', octets: Number(match[1]), last: match[2] !== undefined };
}

/** RFC 4954, section 4. The initial response stays in base64; `=` is the empty one. */
function parseAuth(argument: string): Command | Malformed {
  const match = /^([A-Za-z0-9_-]{1,20})(?:[ \t]+(\S+))?$/.exec(argument);
  return match === null
    ? { malformed: 'syntax', verb: 'AUTH' }
    : { verb: 'AUTH', mechanism: (match[1] ?? '').toUpperCase(), initialResponse: match[2] };
}

// The names of mechanisms that devices ask for. Whatever else stands in their place may be a password, and is not
// shown.
const MECHANISM = /^(?:PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|SCRAM-SHA-(?:1|256)(?:-PLUS)?|NTLM|GSSAPI|XOAUTH2|OAUTHBEARER|EXTERNAL|ANONYMOUS)$/;
// Characters in a line of the log.
const LONGEST_DESCRIPTION = 200;

/**
 * The command for a log, printable: its verb and what was understood of it; `octets` is the length of its line. Of
 * what is no command only the length is shown, for it may be a password: devices that don't read replies send
 * theirs at the wrong moment.
 */
export function describeCommand(command: Command | Malformed, octets: number): string {
  return printable(describe(command, octets)).slice(0, LONGEST_DESCRIPTION);
}

function describe(command: Command | Malformed, octets: number): string {
  if ('malformed' in command) {
    switch (command.malformed) {
      case 'path':
        return `${command.verb} ${command.argument}`;
      case 'syntax':
        return `${command.verb}, malformed, ${octets} octets`;
      case 'parameter':
        return `MAIL or RCPT with ${command.parameter}`;
      default:
        return `no command, ${octets} octets`;
    }
  }
  switch (command.verb) {
    case 'EHLO':
    case 'HELO':
      return `${command.verb} ${command.name}`;
    case 'MAIL':
      return `MAIL FROM:${formatPath(command.reversePath)}${command.size === undefined ? '' : ` SIZE=${command.size}`}`;
    case 'RCPT':
      return `RCPT TO:<${formatMailbox(command.recipient.forwardPath)}>`;
    case 'BDAT':
      return `BDAT ${command.octets}${command.last ? ' LAST' : ''}`;
    case 'AUTH':
      return `AUTH ${MECHANISM.test(command.mechanism) ? command.mechanism : '...'}`;
    default:
      return command.verb;
  }
}
