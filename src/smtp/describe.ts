// A command for the log: its verb and what was understood of it. What was not understood may be a password, since
// devices that don't read replies send theirs at the wrong moment; of that only the length is shown.

import type { ReversePath } from './address.ts';
import type { Command, Malformed } from './command.ts';
import { discreet, discreetPath } from './discreet.ts';
import type { UnreadablePath } from './path.ts';
import { printable } from './printable.ts';

// The names of mechanisms that devices ask for. Whatever else stands in their place may be a password.
const MECHANISM = /^(?:PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|SCRAM-SHA-(?:1|256)(?:-PLUS)?|NTLM|GSSAPI|XOAUTH2|OAUTHBEARER|EXTERNAL|ANONYMOUS)$/;
// Characters in a line of the log.
const LONGEST_DESCRIPTION = 200;

/** The command, printable, on one line; `octets` is the length of its line. */
export function describeCommand(command: Command | Malformed, octets: number): string {
  const description = 'malformed' in command ? describeMalformed(command, octets) : describe(command);
  return printable(description).slice(0, LONGEST_DESCRIPTION);
}

function describeMalformed(fault: Malformed, octets: number): string {
  switch (fault.malformed) {
    case 'syntax':
      return `${fault.verb}, malformed, ${octets} octets`;
    case 'parameter':
      return `MAIL or RCPT with ${fault.parameter}`;
    default:
      return `no command, ${octets} octets`;
  }
}

function describe(command: Command): string {
  switch (command.verb) {
    case 'EHLO':
    case 'HELO':
      return `${command.verb} ${discreet(command.name)}`;
    case 'MAIL':
      return `MAIL FROM:${describePath(command.reversePath)}${command.size === undefined ? '' : ` SIZE=${command.size}`}`;
    case 'RCPT':
      return `RCPT TO:${describePath(command.forwardPath)}`;
    case 'BDAT':
      return `BDAT ${command.octets}${command.last ? ' LAST' : ''}`;
    case 'AUTH':
      return `AUTH ${MECHANISM.test(command.mechanism) ? command.mechanism : '...'}`;
    default:
      return command.verb;
  }
}

function describePath(path: ReversePath | UnreadablePath): string {
  if (path === null || !('unreadable' in path)) return discreetPath(path);
  return ` malformed path (${path.unreadable}), ${path.octets} octets`;
}
