// What came of an attempt to hand a message to an upstream. The scope of a failure is part of it: an upstream that
// can't be reached says nothing about the message, and one recipient's refusal nothing about the others. RFC 1047's gap
// (the final dot was sent, its reply never came) is in the type. What a reply means is decided in upstream/verdict.ts,
// once.

import { describeReply, type RemoteReply } from '../smtp/reply.ts';

/** The commands of a mail transaction, as far as their replies concern the message. */
export type TransactionStage = 'mail' | 'rcpt' | 'data' | 'end-of-data';

/** How far an attempt got: from looking the name up to the reply to the final dot. */
export type Stage = 'resolve' | 'connect' | 'greeting' | 'ehlo' | 'starttls' | 'tls' | 'auth' | 'body' | TransactionStage;

/** Whether a failure at this stage came while a message was being handed over. */
export function isTransactionStage(stage: Stage): boolean {
  return stage === 'mail' || stage === 'rcpt' || stage === 'data' || stage === 'body' || stage === 'end-of-data';
}

/**
 * Why no message can be handed over. `plain`: nothing more is known. `clock`: the certificate's dates don't fit the
 * board's date, and either may be wrong. `login`: a password was sent, and nothing was said of it. `login-refused`: it
 * was judged wrong. `mechanism`: the server does not know the login mechanism that it offers. `connection`: this
 * connection has served its turn, another one will do. `single`: the provider takes fewer connections at once.
 */
const OF_UPSTREAM = ['plain', 'clock', 'login', 'login-refused', 'mechanism', 'connection', 'single'] as const;

/** Why no message can be handed over; each is explained above. */
type UpstreamCause = (typeof OF_UPSTREAM)[number];

/** `throttled`: the provider wants less at once. `quota`: what the account may send in a day or hour is used up. */
type PaceCause = 'throttled' | 'quota';

/**
 * Why one message or recipient was refused. `message`: for its own sake, in words that are known. `sender`: the
 * provider does not take mail of this sender. `null-path`: it does not take the null reverse-path. `extension`: it
 * does not take what it offers. `unknown`: in words that say nothing; what others hear decides.
 */
type MessageCause = 'message' | 'sender' | 'null-path' | 'extension' | 'unknown';

/** Why it failed, as far as upstream and delivery act on it. */
export type Cause = UpstreamCause | PaceCause | MessageCause;

/** Whether the cause says nothing about any message, and nothing can be sent at all. */
export const isOfUpstream = (cause: Cause): cause is UpstreamCause => OF_UPSTREAM.some((one) => one === cause);

/** Whether the cause says nothing about any message, and less is to be sent. */
export const isOfPace = (cause: Cause): cause is PaceCause => cause === 'throttled' || cause === 'quota';

type Common = {
  /** In the relay's own words; where a reply says it all there is none. */
  readonly problem?: string;
  /** What the owner of the board can do about it: a sentence without a full stop. */
  readonly advice?: string | undefined;
};

/** No message is to blame; all of them wait for the upstream. */
export type UpstreamFailure = Common & {
  readonly scope: 'upstream';
  readonly cause: UpstreamCause | PaceCause;
  readonly stage: Stage;
  readonly problem: string;
  readonly reply?: RemoteReply;
};

/** A reply that refuses a message, or a recipient of it. */
export type MessageFailure = Common & {
  readonly scope: 'message';
  readonly cause: MessageCause | PaceCause;
  readonly stage: TransactionStage;
  readonly reply: RemoteReply;
};

/** Why a message was not delivered, to all of its recipients or to one. */
export type Failure = UpstreamFailure | MessageFailure;

/** The problem, or else the reply, on one line. */
export function describeFailure(failure: Failure): string {
  if (failure.problem !== undefined) return failure.problem;
  return failure.reply === undefined ? failure.stage : describeReply(failure.reply);
}

/** What became of one recipient. `bounced`: for good; `deferred`: to be tried again. */
export type Outcome =
  | { readonly outcome: 'delivered'; readonly reply: RemoteReply }
  | { readonly outcome: 'deferred' | 'bounced'; readonly failure: MessageFailure };

/**
 * `no-answer`: nothing is known of the message but that it may have been taken, if `maybeDelivered`. `answered`: one
 * outcome a recipient, in the envelope's order; `notifies`: the upstream took over what NOTIFY asked for.
 */
export type Attempt =
  | { readonly result: 'no-answer'; readonly failure: UpstreamFailure; readonly maybeDelivered: boolean }
  | { readonly result: 'answered'; readonly outcomes: readonly [Outcome, ...Outcome[]]; readonly notifies: boolean };
