// From an answered attempt to what is done with the message. Pure. Each recipient on its own: the
// delivered and the bounced are settled, the deferred wait, until the message's time is up.

import type { Envelope, Recipient } from '../smtp/envelope.ts';
import type { RemoteReply } from '../smtp/reply.ts';
import type { Failure, Outcome } from '../vocabulary/attempt.ts';

export type Decision = {
  readonly delivered: readonly { readonly recipient: Recipient; readonly reply: RemoteReply }[];
  readonly bounced: readonly { readonly recipient: Recipient; readonly failure: Failure }[];
  readonly deferred: readonly { readonly recipient: Recipient; readonly failure: Failure }[];
  /** Deferred once too often: out of time. */
  readonly expired: readonly { readonly recipient: Recipient; readonly failure: Failure }[];
};

/** `outcomes`: one a recipient of `envelope`, in its order; `isOutOfTime`: whether the message is older than it may get. */
export function decide(envelope: Envelope, outcomes: readonly Outcome[], isOutOfTime: boolean): Decision {
  const delivered: Decision['delivered'][number][] = [];
  const bounced: Decision['bounced'][number][] = [];
  const waiting: Decision['deferred'][number][] = [];
  envelope.recipients.forEach((recipient, at) => {
    const outcome = outcomes[at];
    if (outcome === undefined) return;
    switch (outcome.outcome) {
      case 'delivered':
        delivered.push({ recipient, reply: outcome.reply });
        break;
      case 'bounced':
        bounced.push({ recipient, failure: outcome.failure });
        break;
      case 'deferred':
        waiting.push({ recipient, failure: outcome.failure });
        break;
      default:
        outcome satisfies never;
    }
  });
  return { delivered, bounced, deferred: isOutOfTime ? [] : waiting, expired: isOutOfTime ? waiting : [] };
}
