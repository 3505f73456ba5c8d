// The session as a pure, total step: (state, command) -> (next state, act). RFC 5321, section 4.1.4
// (order of commands) and 4.3.2 (sequencing). No I/O, no waiting; session.ts performs the acts.

import { isInternational, type ReversePath } from '../smtp/address.ts';
import type { Command, Malformed } from '../smtp/command.ts';
import { type Envelope, type MailParameters, type Recipients, withRecipient } from '../smtp/envelope.ts';
import type { Refusal, Reply } from '../smtp/reply.ts';
import type { Policy } from './policy.ts';
import * as replies from './replies.ts';

export type Hello = { readonly verb: 'EHLO' | 'HELO'; readonly name: string };

type Transaction = {
  readonly hello: Hello;
  readonly reversePath: ReversePath;
  /** What MAIL declared; 0 for nothing. */
  readonly size: number;
  readonly parameters: MailParameters;
};

export type Session =
  | { readonly phase: 'greeted' }
  | { readonly phase: 'ready'; readonly hello: Hello }
  | ({ readonly phase: 'mail' } & Transaction)
  | ({ readonly phase: 'rcpt'; readonly recipients: Recipients } & Transaction);

/** What the driver does before the next command is read. */
export type Act =
  | { readonly act: 'reply'; readonly reply: Reply }
  | { readonly act: 'receive'; readonly envelope: Envelope; readonly hello: Hello; readonly declared: number }
  | { readonly act: 'close'; readonly reply: Reply };

export type Step = { readonly next: Session; readonly act: Act };

/** What is answered to HELP. */
const VERBS = ['EHLO', 'HELO', 'MAIL', 'RCPT', 'DATA', 'RSET', 'NOOP', 'VRFY', 'HELP', 'QUIT'] as const;

export const START: Session = { phase: 'greeted' };

/** One command. A malformed one changes nothing. */
export function step(session: Session, command: Command | Malformed, policy: Policy): Step {
  const stay = (reply: Reply): Step => ({ next: session, act: { act: 'reply', reply } });
  if ('malformed' in command) {
    const reply = replies.malformed(command);
    return command.malformed === 'not-smtp' ? { next: session, act: { act: 'close', reply } } : stay(reply);
  }
  switch (command.verb) {
    case 'EHLO':
    case 'HELO':
      return { next: { phase: 'ready', hello: command }, act: { act: 'reply', reply: helloReply(command, policy) } };
    case 'MAIL':
      return mail(session, command, policy);
    case 'RCPT':
      return rcpt(session, command, policy);
    case 'DATA':
      return data(session);
    case 'RSET':
      return { next: ready(session), act: { act: 'reply', reply: replies.ok } };
    case 'NOOP':
      return stay(replies.ok);
    case 'VRFY':
      return stay(replies.cannotVerify);
    case 'HELP':
      return stay(replies.help(VERBS));
    case 'QUIT':
      return { next: session, act: { act: 'close', reply: replies.bye } };
    case 'EXPN':
    case 'ETRN':
    case 'BDAT':
    case 'AUTH':
    case 'STARTTLS':
    case 'SEND':
    case 'SOML':
    case 'SAML':
    case 'TURN':
      return stay(replies.notImplemented(command.verb));
    default:
      return command satisfies never;
  }
}

/** The session without its transaction. */
function ready(session: Session): Session {
  return session.phase === 'greeted' ? session : { phase: 'ready', hello: session.hello };
}

function helloReply(hello: Hello, policy: Policy): Reply {
  const { hostname } = policy;
  const name = hello.name === '' ? 'you' : hello.name;
  if (hello.verb === 'HELO') return replies.hello(hostname, name);
  return replies.extendedHello(hostname, name, ['PIPELINING', `SIZE ${policy.sizeLimit}`, '8BITMIME', 'ENHANCEDSTATUSCODES', 'HELP']);
}

function mail(session: Session, command: Extract<Command, { verb: 'MAIL' }>, policy: Policy): Step {
  const refuse = (refusal: Refusal): Step => ({ next: session, act: { act: 'reply', reply: refusal } });
  if (session.phase === 'greeted') return refuse(replies.helloFirst);
  if (session.phase !== 'ready') return refuse(replies.nested);
  if (command.reversePath !== null && isInternational(command.reversePath) && command.parameters.smtpUtf8 !== true)
    return refuse(replies.utf8NotDeclared);
  const refusal = policy.refuseSize(command.size);
  if (refusal !== undefined) return refuse(refusal);
  const { reversePath, parameters, size = 0 } = command;
  return { next: { phase: 'mail', hello: session.hello, reversePath, parameters, size }, act: { act: 'reply', reply: replies.senderOk } };
}

function rcpt(session: Session, command: Extract<Command, { verb: 'RCPT' }>, policy: Policy): Step {
  const refuse = (refusal: Refusal): Step => ({ next: session, act: { act: 'reply', reply: refusal } });
  if (session.phase === 'greeted') return refuse(replies.helloFirst);
  if (session.phase === 'ready') return refuse(replies.mailFirst);
  if (isInternational(command.recipient.forwardPath) && session.parameters.smtpUtf8 !== true) return refuse(replies.utf8NotDeclared);
  const recipients = withRecipient(session.phase === 'rcpt' ? session.recipients : [], command.recipient);
  if (recipients.length > policy.maxRecipients) return refuse(replies.tooManyRecipients(policy.maxRecipients));
  return { next: { ...session, phase: 'rcpt', recipients }, act: { act: 'reply', reply: replies.recipientOk } };
}

/** After DATA the session is ready again, whatever comes of the message. */
function data(session: Session): Step {
  const refuse = (refusal: Refusal): Step => ({ next: session, act: { act: 'reply', reply: refusal } });
  if (session.phase === 'greeted') return refuse(replies.helloFirst);
  if (session.phase === 'ready') return refuse(replies.mailFirst);
  if (session.phase === 'mail') return refuse(replies.recipientFirst);
  if (session.parameters.body === 'BINARYMIME') return refuse(replies.noBinary);
  const { hello, reversePath, recipients, parameters, size } = session;
  return {
    next: { phase: 'ready', hello },
    act: { act: 'receive', envelope: { reversePath, recipients, parameters }, hello, declared: size },
  };
}
