// What came of an attempt to hand a message to an upstream. The scope of a failure is part of it:
// the upstream's sickness says nothing about the message, and one recipient's refusal nothing about
// the others. RFC 1047's gap (the dot is sent, its reply never came) is in the type.

import type { RemoteReply } from './reply.ts';

/** How far a connection got. */
export type Stage =
  | 'resolve'
  | 'connect'
  | 'greeting'
  | 'ehlo'
  | 'starttls'
  | 'tls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'end-of-data';

export type UpstreamFailure = { readonly scope: 'upstream'; readonly stage: Stage; readonly problem: string; readonly reply?: RemoteReply };

export type Failure =
  | UpstreamFailure
  | { readonly scope: 'message'; readonly stage: 'mail' | 'data' | 'end-of-data'; readonly problem?: string; readonly reply: RemoteReply }
  | { readonly scope: 'recipient'; readonly stage: 'rcpt' | 'end-of-data'; readonly reply: RemoteReply };

export type Outcome =
  | { readonly outcome: 'delivered'; readonly reply: RemoteReply }
  | { readonly outcome: 'deferred' | 'bounced'; readonly failure: Failure };

/** `answered`: one outcome a recipient, in the envelope's order. */
export type Attempt =
  | { readonly result: 'no-answer'; readonly failure: UpstreamFailure; readonly maybeDelivered: boolean }
  | { readonly result: 'answered'; readonly outcomes: readonly [Outcome, ...Outcome[]] };
