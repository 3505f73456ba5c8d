// What came of an attempt to hand a message to an upstream. The scope of a failure is part of it: an upstream that
// can't be reached says nothing about the message, and one recipient's refusal nothing about the others. RFC 1047's gap
// (the final dot was sent, its reply never came) is in the type. What a reply means is decided in upstream/verdict.ts,
// once.

import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { MessageCause, PaceCause, UpstreamCause } from './cause.ts';

/** The commands of a mail transaction, as far as their replies concern the message. */
export type TransactionStage = 'mail' | 'rcpt' | 'data' | 'end-of-data';

/** How far an attempt got: from looking the name up to the reply to the final dot. */
export type Stage = 'resolve' | 'connect' | 'greeting' | 'ehlo' | 'starttls' | 'tls' | 'auth' | 'body' | TransactionStage;

/** Whether a failure at this stage came while a message was being handed over. */
export function isTransactionStage(stage: Stage): boolean {
  return stage === 'mail' || stage === 'rcpt' || stage === 'data' || stage === 'body' || stage === 'end-of-data';
}

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
