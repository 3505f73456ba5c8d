// Where a session stands (RFC 5321, section 4.1.4), as a value: what the device has sent so far, and nothing of how it
// was read. protocol.ts is the only place that makes the next one out of it. Pure.

import type { ReversePath } from '../smtp/address.ts';
import type { Envelope, MailParameters, Recipients } from '../smtp/envelope.ts';

/** How the device introduced itself; `name` is what it wrote, and may be empty. */
export type Hello = { readonly verb: 'EHLO' | 'HELO'; readonly name: string };

/** What holds for the whole connection, or since STARTTLS. `user`: who has logged in. */
export type Channel = { readonly isSecure: boolean; readonly user: string | undefined };

/** A mail transaction that MAIL has begun. `size` is what MAIL declared, in octets; 0 for nothing. */
export type Transaction = {
  readonly hello: Hello;
  readonly reversePath: ReversePath;
  readonly size: number;
  readonly parameters: MailParameters;
};

type WithRecipients = Channel & Transaction & { readonly phase: 'rcpt' | 'bdat'; readonly recipients: Recipients };

/** `bdat`: a chunk has begun to come (RFC 3030), and only chunks may follow. */
export type Session =
  | (Channel & { readonly phase: 'greeted' })
  | (Channel & { readonly phase: 'ready'; readonly hello: Hello })
  | (Channel & Transaction & { readonly phase: 'mail' })
  | WithRecipients;

/**
 * A message that is about to come. `declared` octets, 0 for nothing; `protocol` is the `with` clause of its trace field
 * (RFC 3848).
 */
export type Incoming = { readonly envelope: Envelope; readonly hello: Hello; readonly declared: number; readonly protocol: string };

/** The session at its beginning: of the connection, or of what follows STARTTLS. */
export const start = (isSecure: boolean): Session => ({ phase: 'greeted', isSecure, user: undefined });

/** What of the session outlives RSET and the end of a transaction, apart from EHLO. */
export const channelOf = ({ isSecure, user }: Session): Channel => ({ isSecure, user });

/** The session without its transaction. */
export function ready(session: Session): Session {
  return session.phase === 'greeted' ? session : { ...channelOf(session), phase: 'ready', hello: session.hello };
}

/** Whether a command has brought a message nearer: commands that do not are limited in number. */
export function isProgress(before: Session, after: Session): boolean {
  const count = (session: Session) => ('recipients' in session ? session.recipients.length : 0);
  return (after.phase === 'mail' && before.phase !== 'mail') || count(after) > count(before);
}

/** The message that DATA or BDAT begins. */
export function incomingOf(session: WithRecipients): Incoming {
  const { hello, reversePath, recipients, parameters, size } = session;
  return { envelope: { reversePath, recipients, parameters }, hello, declared: size, protocol: protocolOf(session) };
}

/** The trace field's `with` clause (RFC 3848; RFC 6531, section 3.7.3). */
function protocolOf({ hello, parameters, isSecure, user }: WithRecipients): string {
  if (hello.verb === 'HELO' && !isSecure && user === undefined) return 'SMTP';
  return `${parameters.smtpUtf8 === true ? 'UTF8SMTP' : 'ESMTP'}${isSecure ? 'S' : ''}${user === undefined ? '' : 'A'}`;
}
