// How a session ends that the device did not end with QUIT: what it is still sent, and how far it had come, for the
// log. Pure.

import { discreet, discreetMailbox, discreetPath } from '../smtp/discreet.ts';
import type { Refusal } from '../smtp/reply.ts';
import { ConnectionLost } from '../system/wire.ts';
import type { SessionProgress } from '../vocabulary/events.ts';
import * as replies from './replies.ts';
import type { Session } from './session-state.ts';

/** The last reply of a session that `error` ended; undefined when the device has gone. `sizeLimit` in octets. */
export function farewell(error: unknown, sizeLimit: number): Refusal | undefined {
  if (!(error instanceof ConnectionLost)) return replies.fault;
  switch (error.reason) {
    case 'timeout':
      return replies.timeout;
    case 'too-slow':
      return replies.tooSlow;
    case 'too-much':
      return replies.tooMuch(sizeLimit);
    case 'stopped':
      return replies.stopping;
    case 'closed':
    case 'broken':
      return undefined;
    default:
      return error.reason satisfies never;
  }
}

/**
 * How far the session has come with a message, `reception` being what has come of it; undefined when it has begun none.
 */
export function progressOf(
  session: Session,
  reception: { readonly isData: boolean; readonly octets: number },
): SessionProgress | undefined {
  if (session.phase === 'greeted' || session.phase === 'ready') return undefined;
  const stage = reception.isData ? 'data' : session.phase;
  const recipients = session.phase === 'mail' ? [] : session.recipients;
  const hasOctets = stage === 'data' || stage === 'bdat';
  return {
    hello: discreet(session.hello.name),
    from: discreetPath(session.reversePath),
    to: recipients.map(({ forwardPath }) => discreetMailbox(forwardPath)),
    stage,
    ...(hasOctets ? { octets: reception.octets } : {}),
  };
}
