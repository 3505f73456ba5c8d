// Every reply that the server can give, named by its meaning. Code and enhanced status are one value, so that their
// classes agree; the text says to a person what to do next. A test looks for each of them in the dialogs
// (test/dialogs).

import type { Malformed, Verb } from '../smtp/command.ts';
import type { UnreadablePath } from '../smtp/path.ts';
import type { Refusal, Reply } from '../smtp/reply.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';

export const greeting = (hostname: string): Reply => ({ code: 220, text: `${hostname} ESMTP Gatepost` });
export const hello = (hostname: string, device: string): Reply => ({ code: 250, text: `${hostname} greets ${device}` });
export const extendedHello = (hostname: string, device: string, keywords: readonly string[]): Reply => ({
  code: 250,
  text: [`${hostname} greets ${device}`, ...keywords],
});
export const ok: Reply = { code: 250, status: '2.0.0', text: 'ok' };
export const senderOk: Reply = { code: 250, status: '2.1.0', text: 'sender ok' };
export const recipientOk: Reply = { code: 250, status: '2.1.5', text: 'recipient ok' };
export const startData: Reply = { code: 354, text: 'go ahead, end with <CRLF>.<CRLF>' };
export const queued = (id: QueueId): Reply => ({ code: 250, status: '2.0.0', text: `queued as ${id}` });
export const chunkOk = (octets: number): Reply => ({ code: 250, status: '2.0.0', text: `${octets} octets received` });
export const bye: Reply = { code: 221, status: '2.0.0', text: 'bye' };
export const cannotVerify: Reply = { code: 252, status: '2.1.5', text: 'cannot verify, send mail and see' };
export const help = (verbs: readonly string[]): Reply => ({
  code: 214,
  status: '2.0.0',
  text: [
    'Gatepost takes mail from devices on this network and passes it on.',
    `Commands: ${verbs.join(' ')}`,
    'By hand: EHLO me / MAIL FROM:<cam@example.org> / RCPT TO:<you@example.org> / DATA / text / a dot alone on a line / QUIT',
  ],
});

// TLS, AUTH, ETRN
export const startTls: Reply = { code: 220, status: '2.0.0', text: 'ready to start TLS' };
export const tlsNotAvailable: Refusal = { code: 454, status: '4.7.0', text: 'TLS is not available right now' };
export const tlsRequired: Refusal = { code: 530, status: '5.7.0', text: 'say STARTTLS first' };
export const alreadySecure: Refusal = { code: 503, status: '5.5.1', text: 'TLS is on already' };
export const tlsInjection: Refusal = { code: 554, status: '5.5.1', text: 'nothing may follow STARTTLS before its reply' };
export const challenge = (base64: string): Reply => ({ code: 334, text: base64 });
export const authenticated: Reply = { code: 235, status: '2.7.0', text: 'welcome' };
export const authRequired: Refusal = { code: 530, status: '5.7.0', text: 'log in first, with AUTH' };
export const wrongPassword: Refusal = { code: 535, status: '5.7.8', text: 'user or password is wrong' };
export const alreadyAuthenticated: Refusal = { code: 503, status: '5.5.1', text: 'you are logged in already' };
export const unknownMechanism: Refusal = { code: 504, status: '5.5.4', text: 'no such mechanism; EHLO lists those that are there' };
export const badResponse: Refusal = { code: 501, status: '5.5.2', text: 'the response is malformed' };
export const authCancelled: Refusal = { code: 501, status: '5.7.0', text: 'login cancelled' };
export const authTooLong: Refusal = { code: 500, status: '5.5.6', text: 'the response is too long' };
export const queueEmpty: Reply = { code: 251, status: '2.0.0', text: 'no messages are waiting' };
export const queueRun = (count: number): Reply => ({ code: 253, status: '2.0.0', text: `${count} messages are waiting, delivery started` });
export const queueUnable: Refusal = { code: 458, status: '4.3.0', text: 'the queue can not be run right now' };
export const noSuchQueue: Refusal = { code: 459, status: '4.7.1', text: 'there is no such queue; a domain starts delivery' };

// Order of commands (503) and what is not there (500, 502)
export const helloFirst: Refusal = { code: 503, status: '5.5.1', text: 'say EHLO or HELO first' };
export const mailFirst: Refusal = { code: 503, status: '5.5.1', text: 'say MAIL FROM first' };
export const recipientFirst: Refusal = { code: 503, status: '5.5.1', text: 'say RCPT TO first; no recipient was accepted yet' };
export const nested: Refusal = { code: 503, status: '5.5.1', text: 'a message is under way already; RSET forgets it' };
export const notImplemented = (verb: string): Refusal => ({ code: 502, status: '5.5.1', text: `${verb} is not offered here` });

// Malformed commands
export const notSmtp: Refusal = { code: 500, status: '5.5.1', text: 'this is an SMTP server' };
const unknownCommand: Refusal = { code: 500, status: '5.5.1', text: 'no such command; HELP lists what is there' };
const USAGE: Partial<Record<Verb, string>> = {
  MAIL: 'MAIL FROM:<user@example.org> [SIZE=octets] ...',
  RCPT: 'RCPT TO:<user@example.org> ...',
  BDAT: 'BDAT octets [LAST]',
  AUTH: 'AUTH mechanism [initial-response]',
  VRFY: 'VRFY user',
  EXPN: 'EXPN list',
  ETRN: 'ETRN domain',
};
/** What a line that is no valid command is answered with. */
export const malformed = (fault: Malformed): Refusal => {
  switch (fault.malformed) {
    case 'not-smtp':
      return notSmtp;
    case 'unknown-command':
    case 'empty':
      return unknownCommand;
    case 'too-long':
      return lineTooLong;
    case 'syntax':
      return { code: 501, status: '5.5.4', text: `syntax: ${USAGE[fault.verb] ?? `${fault.verb} takes no argument`}` };
    case 'parameter':
      return malformedParameter(fault);
    default:
      return fault satisfies never;
  }
};
/** What a path is answered with that names no mailbox. */
export const unreadablePath = (verb: 'MAIL' | 'RCPT', fault: UnreadablePath['unreadable']): Refusal => {
  const status = verb === 'MAIL' ? '5.1.7' : '5.1.3';
  switch (fault) {
    case 'no-path':
      return malformed({ malformed: 'syntax', verb });
    case 'syntax':
      return { code: 501, status, text: 'not an address; write <user@example.org>' };
    case 'several':
      return { code: 501, status, text: 'these are several addresses, and one is wanted; each recipient has a RCPT of its own' };
    case 'too-long':
      return { code: 501, status, text: 'the address is too long: 254 octets in all, 64 before the @' };
    case 'control-character':
      return { code: 501, status, text: 'the address holds a control character' };
    case 'not-ascii':
      return { code: 501, status, text: 'the address is neither ASCII nor UTF-8' };
    default:
      return fault satisfies never;
  }
};
const malformedParameter = (fault: Extract<Malformed, { malformed: 'parameter' }>): Refusal => {
  switch (fault.fault) {
    case 'unknown':
      return { code: 555, status: '5.5.4', text: `${fault.parameter} is not known here` };
    case 'value':
      return { code: 501, status: '5.5.4', text: `the value of ${fault.parameter} is malformed` };
    case 'repeated':
      return { code: 501, status: '5.5.4', text: `${fault.parameter} is given twice` };
    default:
      return fault.fault satisfies never;
  }
};
const lineTooLong: Refusal = { code: 500, status: '5.5.6', text: 'the line is too long' };
export const utf8NotDeclared: Refusal = { code: 553, status: '5.6.7', text: 'an address that is not ASCII needs SMTPUTF8 on MAIL' };
export const notOffered = (parameter: string): Refusal => ({
  code: 555,
  status: '5.5.4',
  text: `${parameter} is not offered: the upstream can't take it`,
});
export const nullSenderNotAllowed: Refusal = {
  code: 550,
  status: '5.7.1',
  text: 'mail without a sender is not taken; see GATEPOST_ALLOW_SENDERS',
};
export const senderNotAllowed = (address: string): Refusal => ({
  code: 550,
  status: '5.7.1',
  text: `${address} may not send here; see GATEPOST_ALLOW_SENDERS`,
});
export const senderWithoutUpstream = (address: string): Refusal => ({
  code: 550,
  status: '5.7.1',
  text: `no upstream takes mail from ${address}; see GATEPOST_UPSTREAM`,
});
export const recipientNotAllowed = (address: string): Refusal => ({
  code: 550,
  status: '5.7.1',
  text: `mail to ${address} is not taken; see GATEPOST_ALLOW_RECIPIENTS`,
});
export const tooManyMessages: Refusal = { code: 450, status: '4.7.1', text: 'too many messages in a short time, try again later' };
export const noBinary: Refusal = { code: 503, status: '5.5.1', text: 'BODY=BINARYMIME goes by BDAT, not DATA' };

// The message
export const tooLarge = (limit: number): Refusal => ({ code: 552, status: '5.3.4', text: `the message is larger than ${limit} octets` });
export const headerTooLarge = (limit: number): Refusal => ({
  code: 552,
  status: '5.3.4',
  text: `the header section is larger than ${limit} octets`,
});
export const tooManyFields = (limit: number): Refusal => ({
  code: 552,
  status: '5.3.4',
  text: `the header section has more than ${limit} fields`,
});
export const noRoomNow: Refusal = { code: 452, status: '4.3.1', text: 'no room in the spool right now, try again later' };
export const diskTrouble: Refusal = { code: 451, status: '4.3.0', text: 'the spool could not be written, try again later' };
export const looping: Refusal = { code: 554, status: '5.4.6', text: 'the message has been here before, or went through too many hops' };
export const tooManyRecipients = (limit: number): Refusal => ({
  code: 452,
  status: '4.5.3',
  text: `at most ${limit} recipients a message`,
});

// Connections that are refused, and the end of a session
export const notAllowed = (address: string): Refusal => ({
  code: 554,
  status: '5.7.1',
  text: `${address} may not use this relay; see GATEPOST_ALLOW`,
});
export const tooManyConnections: Refusal = { code: 421, status: '4.7.0', text: 'too many connections, try again later' };
export const tooManyFromDevice: Refusal = { code: 421, status: '4.7.0', text: 'too many connections from your address, try again later' };
export const isGateway = (address: string): Refusal => ({
  code: 554,
  status: '5.7.1',
  text: `${address} is the way to the internet, not a device; see GATEPOST_ALLOW`,
});
export const tooManyErrors: Refusal = { code: 421, status: '4.7.0', text: 'too many errors, good-bye' };
export const tooManyCommands: Refusal = { code: 421, status: '4.7.0', text: 'too many commands without a message, good-bye' };
export const timeout: Refusal = { code: 421, status: '4.4.2', text: 'nothing was heard for too long, good-bye' };
export const tooMuch = (limit: number): Refusal => ({ code: 552, status: '5.3.4', text: `far more than ${limit} octets came, good-bye` });
export const tooSlow: Refusal = { code: 421, status: '4.4.2', text: 'the message came too slowly, good-bye' };
export const stopping: Refusal = { code: 421, status: '4.3.2', text: 'the relay is stopping, try again soon' };
export const fault: Refusal = { code: 421, status: '4.3.0', text: 'an error in the relay, try again later' };
