// What came of an attempt to hand a message to an upstream. The scope of a failure is part of it:
// the upstream's sickness says nothing about the message, and one recipient's refusal nothing about
// the others. RFC 1047's gap (the dot is sent, its reply never came) is in the type.

import { describeReply, type RemoteReply } from '../smtp/reply.ts';

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

type Common = {
  /** What the owner of the board can do about it. */
  readonly advice?: string;
};

export type UpstreamFailure = Common & {
  readonly scope: 'upstream';
  readonly stage: Stage;
  readonly problem: string;
  readonly reply?: RemoteReply;
  /** The certificate's dates don't fit the board's clock, which may be what is wrong: goes when the clock jumps. */
  readonly isClock?: true;
};

export type Failure =
  | UpstreamFailure
  | (Common & {
      readonly scope: 'message';
      readonly stage: 'mail' | 'data' | 'end-of-data';
      readonly problem?: string;
      readonly reply: RemoteReply;
    })
  | (Common & { readonly scope: 'recipient'; readonly stage: 'rcpt' | 'end-of-data'; readonly reply: RemoteReply });

/** Gmail says 550 with this status when an account's quota for the day is used up. The message is all right, and goes tomorrow. */
export const QUOTA_OF_THE_DAY = '5.4.5';

/** What was said, or what is wrong, on one line. */
export function describeFailure(failure: Failure): string {
  if ('problem' in failure && failure.problem !== undefined) return failure.problem;
  return failure.reply === undefined ? failure.stage : describeReply(failure.reply);
}

export type Outcome =
  | { readonly outcome: 'delivered'; readonly reply: RemoteReply }
  | { readonly outcome: 'deferred' | 'bounced'; readonly failure: Failure };

/** `answered`: one outcome a recipient, in the envelope's order; `notifies`: the upstream took over what NOTIFY asked for. */
export type Attempt =
  | { readonly result: 'no-answer'; readonly failure: UpstreamFailure; readonly maybeDelivered: boolean }
  | { readonly result: 'answered'; readonly outcomes: readonly [Outcome, ...Outcome[]]; readonly notifies: boolean };
