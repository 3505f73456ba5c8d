// The session as two pure functions. `step` takes a command to the next state and an act; where the outcome of the act
// decides on the state, it stays, and `conclude` takes the act's result to the next state and the reply. The same input
// gives the same answer; nothing here waits, counts or reads a clock, and session.ts performs the acts.
// RFC 5321, sections 4.1.4 (order of commands) and 4.3.2 (sequencing); RFC 3030 (BDAT), 3207 (STARTTLS), 4954 (AUTH),
// 1985 (ETRN). What an extension has commands refuse stands in extensions.ts.

import { isDomain, type ReversePath } from '../smtp/address.ts';
import type { Command, Malformed } from '../smtp/command.ts';
import { withRecipient } from '../smtp/envelope.ts';
import type { Refusal, Reply } from '../smtp/reply.ts';
import type { ServerMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Accepted } from '../vocabulary/events.ts';
import type { Policy } from './access.ts';
import { offeredExtensions, offeredVerbs, refuseData, refuseMail, refuseRecipient } from './extensions.ts';
import * as replies from './replies.ts';
import { channelOf, type Hello, type Incoming, incomingOf, ready, type Session, start, type Transaction } from './session-state.ts';

/** What the driver does before the next command is read, and what has a result. */
export type Task =
  /** Asks whether one more message of this device is accepted now. */
  | { readonly act: 'admit'; readonly transaction: Transaction }
  | { readonly act: 'receive'; readonly incoming: Incoming }
  | { readonly act: 'chunk'; readonly incoming: Incoming; readonly octets: number; readonly isLast: boolean }
  /** Reads the octets of a refused BDAT, which come all the same (RFC 3030, section 2). */
  | { readonly act: 'discard'; readonly octets: number; readonly refusal: Refusal }
  | { readonly act: 'start-tls' }
  | { readonly act: 'authenticate'; readonly mechanism: ServerMechanism; readonly initialResponse: string | undefined }
  | { readonly act: 'run-queue' };

/** What a command leads to. `protocol`: the session ends because the peer speaks another protocol. */
export type Act =
  | Task
  | { readonly act: 'reply'; readonly reply: Reply }
  | { readonly act: 'close'; readonly reply: Reply; readonly protocol?: 'tls' | 'http' | 'unknown' };

/** What came of a task. `refused`: the session stays as it was; `message-refused`: the transaction is over. */
export type Result =
  | { readonly result: 'admitted'; readonly transaction: Transaction }
  | { readonly result: 'chunk-taken'; readonly octets: number }
  | { readonly result: 'stored'; readonly message: Accepted }
  | { readonly result: 'message-refused'; readonly refusal: Refusal }
  | { readonly result: 'secured' }
  | { readonly result: 'logged-in'; readonly user: string }
  /** How many messages were made due. */
  | { readonly result: 'queue-run'; readonly waiting: number | 'unable' }
  | { readonly result: 'refused'; readonly refusal: Refusal };

/** The next state, and what to do. */
type Step = { readonly next: Session; readonly act: Act };

/**
 * The next state, and the reply; it is absent where nothing is sent, since TLS has begun and the device speaks next.
 */
type Conclusion = { readonly next: Session; readonly reply?: Reply };

/** Takes one command. A malformed one changes nothing. */
export function step(session: Session, command: Command | Malformed, policy: Policy): Step {
  if ('malformed' in command) return malformed(session, command);
  switch (command.verb) {
    case 'EHLO':
    case 'HELO':
      return hello(session, command, policy);
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
      return answer(ready(session), replies.ok);
    case 'NOOP':
      return answer(session, replies.ok);
    case 'VRFY':
      return answer(session, replies.cannotVerify);
    case 'HELP':
      return answer(session, replies.help(offeredVerbs(session, policy)));
    case 'QUIT':
      return { next: session, act: { act: 'close', reply: replies.bye } };
    case 'EXPN':
    case 'SEND':
    case 'SOML':
    case 'SAML':
    case 'TURN':
      return answer(session, replies.notImplemented(command.verb));
    default:
      return command satisfies never;
  }
}

/** Takes the result of the task that the last step asked for, in the session that this step left. */
export function conclude(session: Session, result: Result): Conclusion {
  switch (result.result) {
    case 'admitted':
      return { next: { ...channelOf(session), ...result.transaction, phase: 'mail' }, reply: replies.senderOk };
    case 'chunk-taken':
      return { next: session, reply: replies.chunkOk(result.octets) };
    case 'stored':
      return { next: ready(session), reply: replies.queued(result.message.id) };
    case 'message-refused':
      // A chunk that failed ends the transaction, too (RFC 3030, section 2).
      return { next: ready(session), reply: result.refusal };
    case 'secured':
      return { next: start(true) }; // RFC 3207, section 4.2: what came before TLS is forgotten
    case 'logged-in':
      return { next: { ...session, user: result.user }, reply: replies.authenticated };
    case 'queue-run':
      return { next: session, reply: queueReply(result.waiting) };
    case 'refused':
      return { next: session, reply: result.refusal };
    default:
      return result satisfies never;
  }
}

function queueReply(waiting: number | 'unable'): Reply {
  if (waiting === 'unable') return replies.queueUnable;
  return waiting === 0 ? replies.queueEmpty : replies.queueRun(waiting);
}

const answer = (next: Session, reply: Reply): Step => ({ next, act: { act: 'reply', reply } });

function malformed(session: Session, fault: Malformed): Step {
  const protocol = otherProtocol(session, fault);
  if (protocol === undefined) return answer(session, replies.malformed(fault));
  return { next: session, act: { act: 'close', reply: replies.notSmtp, protocol } };
}

/**
 * The other protocol that the peer speaks, if it does. A browser, or a program that was misdirected here, may have a
 * command somewhere in what it sends, but not at its beginning; so before EHLO or HELO only commands are accepted. An
 * empty line is a person at a keyboard.
 */
function otherProtocol({ phase }: Session, fault: Malformed): 'tls' | 'http' | 'unknown' | undefined {
  if (fault.malformed === 'not-smtp') return fault.protocol;
  return phase === 'greeted' && (fault.malformed === 'unknown-command' || fault.malformed === 'too-long') ? 'unknown' : undefined;
}

function hello(session: Session, { verb, name }: Hello, policy: Policy): Step {
  const next: Session = { ...channelOf(session), phase: 'ready', hello: { verb, name } };
  const device = name === '' ? 'you' : name;
  if (verb === 'HELO') return answer(next, replies.hello(policy.hostname, device));
  return answer(next, replies.extendedHello(policy.hostname, device, offeredExtensions(next, policy)));
}

/** What a device that has not logged in, or does not use TLS, is refused with where that is required. */
function refuseStranger(session: Session, policy: Policy): Refusal | undefined {
  if (policy.isTlsRequired && !session.isSecure) return replies.tlsRequired;
  return policy.isAuthRequired && session.user === undefined ? replies.authRequired : undefined;
}

// A device that forgets EHLO, after STARTTLS for instance, is taken for one that says HELO without a name. RFC 5321,
// section 4.1.4, demands the command of clients, and no refusal of servers.
const UNNAMED: Hello = { verb: 'HELO', name: '' };

function mail(session: Session, command: Extract<Command, { verb: 'MAIL' }>, policy: Policy): Step {
  if (session.phase !== 'greeted' && session.phase !== 'ready') return answer(session, replies.nested);
  const stranger = refuseStranger(session, policy);
  if (stranger !== undefined) return answer(session, stranger);
  const reversePath = policy.takeSender(command.reversePath);
  if (isRefused(reversePath)) return answer(session, reversePath);
  const { parameters, size } = command;
  const refusal = refuseMail({ reversePath, parameters }, policy);
  if (refusal !== undefined) return answer(session, refusal);
  const hello = session.phase === 'ready' ? session.hello : UNNAMED;
  return { next: session, act: { act: 'admit', transaction: { hello, reversePath, parameters, size: size ?? 0 } } };
}

const isRefused = (taken: ReversePath | Refusal): taken is Refusal => taken !== null && 'code' in taken;

function rcpt(session: Session, command: Extract<Command, { verb: 'RCPT' }>, policy: Policy): Step {
  if (session.phase === 'greeted') return answer(session, replies.helloFirst);
  if (session.phase === 'ready') return answer(session, replies.mailFirst);
  if (session.phase === 'bdat') return answer(session, replies.nested);
  const forwardPath = policy.takeRecipient(command.forwardPath);
  if ('code' in forwardPath) return answer(session, forwardPath);
  const refusal = refuseRecipient(forwardPath, session.parameters);
  if (refusal !== undefined) return answer(session, refusal);
  const recipients = withRecipient(session.phase === 'rcpt' ? session.recipients : [], { forwardPath, ...command.parameters });
  if (recipients.length > policy.maxRecipients) return answer(session, replies.tooManyRecipients(policy.maxRecipients));
  return answer({ ...session, phase: 'rcpt', recipients }, replies.recipientOk);
}

/** Why no message can come in this phase, if none can. */
function orderFault(session: Session): Refusal | undefined {
  if (session.phase === 'greeted') return replies.helloFirst;
  if (session.phase === 'ready') return replies.mailFirst;
  return session.phase === 'mail' ? replies.recipientFirst : undefined;
}

function data(session: Session): Step {
  if (session.phase !== 'rcpt') return answer(session, orderFault(session) ?? replies.nested);
  const refusal = refuseData(session.parameters);
  if (refusal !== undefined) return answer(session, refusal);
  return { next: session, act: { act: 'receive', incoming: incomingOf(session) } };
}

function bdat(session: Session, { octets, last }: Extract<Command, { verb: 'BDAT' }>): Step {
  if (session.phase !== 'rcpt' && session.phase !== 'bdat')
    return { next: session, act: { act: 'discard', octets, refusal: orderFault(session) ?? replies.nested } };
  return { next: { ...session, phase: 'bdat' }, act: { act: 'chunk', incoming: incomingOf(session), octets, isLast: last } };
}

/** RFC 3207, section 4: outside a transaction only, and only once. */
function startTls(session: Session, policy: Policy): Step {
  if (session.isSecure) return answer(session, replies.alreadySecure);
  if (session.phase !== 'greeted' && session.phase !== 'ready') return answer(session, replies.nested);
  if (!policy.hasTls) return answer(session, replies.tlsNotAvailable);
  return { next: session, act: { act: 'start-tls' } };
}

/** RFC 4954, section 4: after EHLO, outside a transaction, once. */
function auth(session: Session, { mechanism: name, initialResponse }: Extract<Command, { verb: 'AUTH' }>, policy: Policy): Step {
  if (policy.mechanisms.length === 0) return answer(session, replies.notImplemented('AUTH'));
  if (session.phase === 'greeted') return answer(session, replies.helloFirst);
  if (session.phase !== 'ready') return answer(session, replies.nested);
  if (session.user !== undefined) return answer(session, replies.alreadyAuthenticated);
  if (policy.isTlsRequired && !session.isSecure) return answer(session, replies.tlsRequired);
  const mechanism = policy.mechanisms.find((one) => one.name === name);
  if (mechanism === undefined) return answer(session, replies.unknownMechanism);
  if (initialResponse !== undefined && !mechanism.clientFirst) return answer(session, replies.badResponse);
  return { next: session, act: { act: 'authenticate', mechanism, initialResponse } };
}

/**
 * RFC 1985, section 5.3: the node is a domain, `@domain` for it and its subdomains, or `#queue`; this relay has one
 * queue for all.
 */
function etrn(session: Session, argument: string, policy: Policy): Step {
  if (session.phase === 'greeted') return answer(session, replies.helloFirst);
  if (session.phase !== 'ready') return answer(session, replies.nested);
  const stranger = refuseStranger(session, policy);
  if (stranger !== undefined) return answer(session, stranger);
  if (argument.startsWith('#')) return answer(session, replies.noSuchQueue);
  if (!isDomain(argument.replace(/^@/, ''))) return answer(session, replies.malformed({ malformed: 'syntax', verb: 'ETRN' }));
  return { next: session, act: { act: 'run-queue' } };
}
