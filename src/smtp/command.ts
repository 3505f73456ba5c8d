// One command line as a value (RFC 5321, section 4.1.1, and the extensions' commands). Any octets give a Command, or a
// Malformed that says what is wrong; server/replies.ts has the texts. It accepts what devices get wrong (a space
// after the colon, no brackets, blanks or NUL around the line, a CR too many) and knows nothing of order or policy.

import { isUtf8 } from 'node:buffer';
import type { Mailbox, ReversePath } from './address.ts';
import type { MailParameters } from './envelope.ts';
import { type MalformedParameter, parseMailParameters, parseRcptParameters, type RcptParameters } from './parameters.ts';
import { parseArgument, type UnreadablePath } from './path.ts';

/** A command whose syntax is right. */
export type Command =
  | { readonly verb: 'EHLO' | 'HELO'; readonly name: string }
  | {
      readonly verb: 'MAIL';
      readonly reversePath: ReversePath | UnreadablePath;
      readonly size: number | undefined;
      readonly parameters: MailParameters;
    }
  | { readonly verb: 'RCPT'; readonly forwardPath: Mailbox | UnreadablePath; readonly parameters: RcptParameters }
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
  | MalformedParameter;

// RFC 5321, section 4.5.3.1.2, for a domain. A longer name is cut: it is only written into the trace field and the log.
const LONGEST_HELLO = 255;
// HTTP requests that come to this port: making a browser speak to it is an old attack.
const HTTP = /^(?:(?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|TRACE|CONNECT|PRI) |Host:|User-Agent:|Content-|Accept:|Origin:)/i;
// A record of type handshake, version 3 (RFC 8446, section 5.1): what a client that expects TLS sends first.
const TLS = '\u0016\u0003';

const utf8 = new TextDecoder('utf-8');

function decode(line: Uint8Array): string {
  if (isUtf8(line)) return utf8.decode(line);
  // Each octet as itself; parseMailbox then finds what is outside ASCII.
  return Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('latin1');
}

/** The command in `line`, which comes without its line end. Blanks and NUL around it are ignored. Never throws. */
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
  const isBlank = (at: number) => ' \t\r\0'.includes(text.charAt(at));
  let from = 0;
  let end = text.length;
  while (from < end && isBlank(from)) from += 1;
  while (end > from && isBlank(end - 1)) end -= 1;
  return text.slice(from, end);
}

function parseMail(argument: string): Command | Malformed {
  const read = parseArgument('FROM', argument);
  if (read === undefined) return { malformed: 'syntax', verb: 'MAIL' };
  const parsed = parseMailParameters(read.words);
  return 'malformed' in parsed ? parsed : { verb: 'MAIL', reversePath: read.path, ...parsed };
}

function parseRcpt(argument: string): Command | Malformed {
  const read = parseArgument('TO', argument);
  if (read === undefined) return { malformed: 'syntax', verb: 'RCPT' };
  const parameters = parseRcptParameters(read.words);
  if ('malformed' in parameters) return parameters;
  return { verb: 'RCPT', forwardPath: read.path ?? { unreadable: 'syntax', octets: 0 }, parameters };
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
