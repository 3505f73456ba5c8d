// The session as a pure, total step: (state, command) -> (next state, act). RFC 5321, section 4.1.4
// (order of commands) and 4.3.2 (sequencing); RFC 3030 (BDAT), 3207 (STARTTLS), 4954 (AUTH), 1985
// (ETRN). No I/O, no waiting; session.ts performs the acts.

import { isDomain, isInternational, type ReversePath } from '../smtp/address.ts';
import type { Command, Malformed } from '../smtp/command.ts';
import { type Envelope, type MailParameters, type Recipients, withRecipient } from '../smtp/envelope.ts';
import type { Refusal, Reply } from '../smtp/reply.ts';
import { SERVER_MECHANISMS, type ServerMechanism } from '../smtp/sasl.ts';
import type { Policy } from './access.ts';
import * as replies from './replies.ts';

export type Hello = { readonly verb: 'EHLO' | 'HELO'; readonly name: string };

/** What holds for the whole connection, from its start or since STARTTLS. */
type Channel = { readonly isSecure: boolean; readonly user: string | undefined };

type Transaction = {
  readonly hello: Hello;
  readonly reversePath: ReversePath;
  /** What MAIL declared; 0 for nothing. */
  readonly size: number;
  readonly parameters: MailParameters;
};

export type Session = Channel &
  (
    | { readonly phase: 'greeted' }
    | { readonly phase: 'ready'; readonly hello: Hello }
    | ({ readonly phase: 'mail' } & Transaction)
    | ({ readonly phase: 'rcpt' | 'bdat'; readonly recipients: Recipients } & Transaction)
  );

/** A message about to come: its envelope, and what its trace field tells of the session. */
export type Incoming = { readonly envelope: Envelope; readonly hello: Hello; readonly declared: number; readonly protocol: string };

/** What the driver does before the next command is read. */
export type Act =
  | { readonly act: 'reply'; readonly reply: Reply }
  | { readonly act: 'receive'; readonly incoming: Incoming }
  | { readonly act: 'chunk'; readonly incoming: Incoming; readonly octets: number; readonly isLast: boolean }
  /** The octets of a refused BDAT come all the same (RFC 3030, section 2). */
  | { readonly act: 'discard'; readonly octets: number; readonly reply: Refusal }
  | { readonly act: 'start-tls' }
  | { readonly act: 'authenticate'; readonly mechanism: ServerMechanism; readonly initialResponse: string | undefined }
  | { readonly act: 'run-queue' }
  /** `protocol`: who is sent away speaks another one. */
  | { readonly act: 'close'; readonly reply: Reply; readonly protocol?: 'tls' | 'http' | 'unknown' };

export type Step = { readonly next: Session; readonly act: Act };

export const start = (isSecure: boolean): Session => ({ phase: 'greeted', isSecure, user: undefined });

/** One command. A malformed one changes nothing. */
export function step(session: Session, command: Command | Malformed, policy: Policy): Step {
  const stay = (reply: Reply): Step => ({ next: session, act: { act: 'reply', reply } });
  if ('malformed' in command) {
    const protocol = otherProtocol(session, command);
    if (protocol === undefined) return stay(replies.malformed(command));
    return { next: session, act: { act: 'close', reply: replies.notSmtp, protocol } };
  }
  switch (command.verb) {
    case 'EHLO':
    case 'HELO': {
      const next: Session = { ...channel(session), phase: 'ready', hello: command };
      return { next, act: { act: 'reply', reply: helloReply(command, next, policy) } };
    }
    case 'MAIL':
      return mail(session, command, policy);
    case 'RCPT':
      return rcpt(session, command, policy);
    case 'DATA':
      return data(session);
    case 'BDAT':
      return bdat(session, command);
    case 'STARTTLS':
      return startTls(session, policy);
    case 'AUTH':
      return auth(session, command, policy);
    case 'ETRN':
      return etrn(session, command.argument, policy);
    case 'RSET':
      return { next: ready(session), act: { act: 'reply', reply: replies.ok } };
    case 'NOOP':
      return stay(replies.ok);
    case 'VRFY':
      return stay(replies.cannotVerify);
    case 'HELP':
      return stay(replies.help(verbs(session, policy)));
    case 'QUIT':
      return { next: session, act: { act: 'close', reply: replies.bye } };
    case 'EXPN':
    case 'SEND':
    case 'SOML':
    case 'SAML':
    case 'TURN':
      return stay(replies.notImplemented(command.verb));
    default:
      return command satisfies never;
  }
}

/**
 * Whether somebody else speaks. Before EHLO or HELO nothing is listened to but commands: a browser, or a program
 * that was sent here, may have a command somewhere in what it says, but not at its beginning. An empty line is a
 * person at a keyboard.
 */
function otherProtocol({ phase }: Session, fault: Malformed): 'tls' | 'http' | 'unknown' | undefined {
  if (fault.malformed === 'not-smtp') return fault.protocol;
  return phase === 'greeted' && (fault.malformed === 'unknown-command' || fault.malformed === 'too-long') ? 'unknown' : undefined;
}

const channel = ({ isSecure, user }: Session): Channel => ({ isSecure, user });

/** The session without its transaction. */
export function ready(session: Session): Session {
  return session.phase === 'greeted' ? session : { ...channel(session), phase: 'ready', hello: session.hello };
}

const offersTls = (session: Session, policy: Policy) => policy.hasTls && !session.isSecure;
const offersAuth = (session: Session, policy: Policy) =>
  policy.mechanisms.length > 0 && session.user === undefined && (session.isSecure || !policy.isTlsRequired);

/** Whether the command has brought a message nearer: what doesn't may not be said without end. */
export function isProgress(before: Session, after: Session): boolean {
  const count = (session: Session) => ('recipients' in session ? session.recipients.length : 0);
  return (after.phase === 'mail' && before.phase !== 'mail') || count(after) > count(before);
}

function helloReply(hello: Hello, session: Session, policy: Policy): Reply {
  const name = hello.name === '' ? 'you' : hello.name;
  if (hello.verb === 'HELO') return replies.hello(policy.hostname, name);
  const { smtpUtf8, binaryMime } = policy.passedOn;
  // Only what is true at this moment.
  const offers: readonly (readonly [boolean, string])[] = [
    [true, 'PIPELINING'],
    [true, `SIZE ${policy.sizeLimit}`],
    [true, '8BITMIME'],
    [true, 'CHUNKING'],
    [binaryMime, 'BINARYMIME'],
    [smtpUtf8, 'SMTPUTF8'],
    [true, 'DSN'],
    [true, 'ENHANCEDSTATUSCODES'],
    [offersTls(session, policy), 'STARTTLS'],
    [offersAuth(session, policy), `AUTH ${policy.mechanisms.join(' ')}`],
    [true, `LIMITS RCPTMAX=${policy.maxRecipients}`],
    [true, 'ETRN'],
    [true, 'HELP'],
  ];
  return replies.extendedHello(
    policy.hostname,
    name,
    offers.filter(([isOffered]) => isOffered).map(([, keyword]) => keyword),
  );
}

/** What HELP lists. */
function verbs(session: Session, policy: Policy): readonly string[] {
  const sometimes = [...(offersTls(session, policy) ? ['STARTTLS'] : []), ...(offersAuth(session, policy) ? ['AUTH'] : [])];
  return ['EHLO', 'HELO', 'MAIL', 'RCPT', 'DATA', 'BDAT', 'RSET', 'NOOP', 'VRFY', 'ETRN', ...sometimes, 'HELP', 'QUIT'];
}

function refuse(session: Session, refusal: Refusal): Step {
  return { next: session, act: { act: 'reply', reply: refusal } };
}

/** What a device that has not said who it is, or not under TLS, where that is wanted, is refused with. */
function refuseStranger(session: Session, policy: Policy): Refusal | undefined {
  if (policy.isTlsRequired && !session.isSecure) return replies.tlsRequired;
  return policy.isAuthRequired && session.user === undefined ? replies.authRequired : undefined;
}

function mail(session: Session, command: Extract<Command, { verb: 'MAIL' }>, policy: Policy): Step {
  if (session.phase === 'greeted') return refuse(session, replies.helloFirst);
  if (session.phase !== 'ready') return refuse(session, replies.nested);
  const stranger = refuseStranger(session, policy);
  if (stranger !== undefined) return refuse(session, stranger);
  const { reversePath, parameters, size } = command;
  const isUtf8Offered = policy.passedOn.smtpUtf8;
  if (parameters.smtpUtf8 === true && !isUtf8Offered) return refuse(session, replies.notOffered('SMTPUTF8'));
  if (parameters.body === 'BINARYMIME' && !policy.passedOn.binaryMime) return refuse(session, replies.notOffered('BODY=BINARYMIME'));
  if (reversePath !== null && isInternational(reversePath) && parameters.smtpUtf8 !== true) return refuse(session, replies.utf8NotDeclared);
  const refusal = policy.refuseMail(reversePath, size);
  if (refusal !== undefined) return refuse(session, refusal);
  const next: Session = { ...channel(session), phase: 'mail', hello: session.hello, reversePath, parameters, size: size ?? 0 };
  return { next, act: { act: 'reply', reply: replies.senderOk } };
}

function rcpt(session: Session, command: Extract<Command, { verb: 'RCPT' }>, policy: Policy): Step {
  if (session.phase === 'greeted') return refuse(session, replies.helloFirst);
  if (session.phase === 'ready') return refuse(session, replies.mailFirst);
  if (session.phase === 'bdat') return refuse(session, replies.nested);
  const { forwardPath } = command.recipient;
  if (isInternational(forwardPath) && session.parameters.smtpUtf8 !== true) return refuse(session, replies.utf8NotDeclared);
  const refusal = policy.refuseRecipient(forwardPath);
  if (refusal !== undefined) return refuse(session, refusal);
  const recipients = withRecipient(session.phase === 'rcpt' ? session.recipients : [], command.recipient);
  if (recipients.length > policy.maxRecipients) return refuse(session, replies.tooManyRecipients(policy.maxRecipients));
  return { next: { ...session, phase: 'rcpt', recipients }, act: { act: 'reply', reply: replies.recipientOk } };
}

/** Why no message can come now, if none can. */
function orderFault(session: Session): Refusal | undefined {
  if (session.phase === 'greeted') return replies.helloFirst;
  if (session.phase === 'ready') return replies.mailFirst;
  return session.phase === 'mail' ? replies.recipientFirst : undefined;
}

function incomingOf(session: Extract<Session, { phase: 'rcpt' | 'bdat' }>): Incoming {
  const { hello, reversePath, recipients, parameters, size } = session;
  return { envelope: { reversePath, recipients, parameters }, hello, declared: size, protocol: protocolOf(session) };
}

/** The trace field's `with` clause (RFC 3848; RFC 6531, section 3.7.3). */
function protocolOf({ hello, parameters, isSecure, user }: Extract<Session, { phase: 'rcpt' | 'bdat' }>): string {
  if (hello.verb === 'HELO' && !isSecure && user === undefined) return 'SMTP';
  return `${parameters.smtpUtf8 === true ? 'UTF8SMTP' : 'ESMTP'}${isSecure ? 'S' : ''}${user === undefined ? '' : 'A'}`;
}

/** After DATA the session is ready again, whatever comes of the message. */
function data(session: Session): Step {
  const fault = orderFault(session);
  if (fault !== undefined) return refuse(session, fault);
  if (session.phase !== 'rcpt') return refuse(session, replies.nested);
  if (session.parameters.body === 'BINARYMIME') return refuse(session, replies.noBinary);
  return { next: ready(session), act: { act: 'receive', incoming: incomingOf(session) } };
}

function bdat(session: Session, { octets, last }: Extract<Command, { verb: 'BDAT' }>): Step {
  if (session.phase !== 'rcpt' && session.phase !== 'bdat') {
    return { next: session, act: { act: 'discard', octets, reply: orderFault(session) ?? replies.nested } };
  }
  return { next: { ...session, phase: 'bdat' }, act: { act: 'chunk', incoming: incomingOf(session), octets, isLast: last } };
}

/** RFC 3207, section 4: only outside a transaction, and only once; afterwards nothing said before counts. */
function startTls(session: Session, policy: Policy): Step {
  if (session.isSecure) return refuse(session, replies.alreadySecure);
  if (session.phase !== 'greeted' && session.phase !== 'ready') return refuse(session, replies.nested);
  if (!policy.hasTls) return refuse(session, replies.tlsNotAvailable);
  return { next: start(true), act: { act: 'start-tls' } };
}

/** RFC 4954, section 4: after EHLO, outside a transaction, once. */
function auth(session: Session, { mechanism: name, initialResponse }: Extract<Command, { verb: 'AUTH' }>, policy: Policy): Step {
  if (policy.mechanisms.length === 0) return refuse(session, replies.notImplemented('AUTH'));
  if (session.phase === 'greeted') return refuse(session, replies.helloFirst);
  if (session.phase !== 'ready') return refuse(session, replies.nested);
  if (session.user !== undefined) return refuse(session, replies.alreadyAuthenticated);
  if (policy.isTlsRequired && !session.isSecure) return refuse(session, replies.tlsRequired);
  const mechanism = SERVER_MECHANISMS.find((one) => one.name === name && policy.mechanisms.includes(name));
  if (mechanism === undefined) return refuse(session, replies.unknownMechanism);
  if (initialResponse !== undefined && !mechanism.clientFirst) return refuse(session, replies.badResponse);
  return { next: session, act: { act: 'authenticate', mechanism, initialResponse } };
}

/** RFC 1985, section 5.3: the node is a domain, `@domain` for it and what is below, or `#queue`; ours is one queue for all. */
function etrn(session: Session, argument: string, policy: Policy): Step {
  if (session.phase === 'greeted') return refuse(session, replies.helloFirst);
  if (session.phase !== 'ready') return refuse(session, replies.nested);
  const stranger = refuseStranger(session, policy);
  if (stranger !== undefined) return refuse(session, stranger);
  if (argument.startsWith('#')) return refuse(session, replies.noSuchQueue);
  if (!isDomain(argument.replace(/^@/, ''))) return refuse(session, replies.malformed({ malformed: 'syntax', verb: 'ETRN' }));
  return { next: session, act: { act: 'run-queue' } };
}
