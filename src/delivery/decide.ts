// From an answered attempt to what is done with the message. Pure. Each recipient on its own: the
// delivered and the bounced are settled, the deferred wait, until the message's time is up.

import type { Envelope, Recipient } from '../smtp/envelope.ts';
import type { RemoteReply } from '../smtp/reply.ts';
import type { Attempt, Failure, MessageFailure } from '../vocabulary/attempt.ts';

/** A recipient that the upstream took, with the reply that says so. */
export type Delivered = { readonly recipient: Recipient; readonly reply: RemoteReply };
/** A recipient that did not get the message. */
export type Failed = { readonly recipient: Recipient; readonly failure: Failure };

/** What becomes of each recipient that the message was sent to. */
export type Decision = {
  readonly delivered: readonly Delivered[];
  readonly bounced: readonly Failed[];
  readonly deferred: readonly Failed[];
  /** Deferred, and the message is out of time. */
  readonly expired: readonly Failed[];
  /** Whether the upstream notifies the sender of what was delivered (RFC 3461, section 5.2). */
  readonly isNotifiedThere: boolean;
};

/**
 * An attempt that was answered, with the envelope that was sent; `isOutOfTime`: the message is older than it may get;
 * `isHeldNoMore`: refusals for good in unknown words are about this message.
 */
type Answered = {
  readonly envelope: Envelope;
  readonly attempt: Extract<Attempt, { result: 'answered' }>;
  readonly isOutOfTime: boolean;
  readonly isHeldNoMore: boolean;
};

/** The decision on the message whose attempt was answered. */
export function decide({ envelope, attempt, isOutOfTime, isHeldNoMore }: Answered): Decision {
  const delivered: Delivered[] = [];
  const bounced: Failed[] = [];
  const waiting: Failed[] = [];
  envelope.recipients.forEach((recipient, at) => {
    const outcome = attempt.outcomes[at];
    switch (outcome?.outcome) {
      case 'delivered':
        delivered.push({ recipient, reply: outcome.reply });
        break;
      case 'bounced':
        bounced.push({ recipient, failure: outcome.failure });
        break;
      case 'deferred':
        (isHeldNoMore && isHeld(outcome.failure) ? bounced : waiting).push({ recipient, failure: outcome.failure });
        break;
      case undefined:
        break; // without an outcome the recipient still waits
      default:
        outcome satisfies never;
    }
  });
  const [deferred, expired] = isOutOfTime ? [[], waiting] : [waiting, []];
  return { delivered, bounced, deferred, expired, isNotifiedThere: attempt.notifies };
}

/** Whether the refusal is for good as it says, and only waits until it is known what it is about. */
const isHeld = ({ cause, reply }: MessageFailure): boolean => (cause === 'unknown' || cause === 'extension') && reply.code >= 500;

/** The decision on a message that is out of time without an answer: all its recipients have expired. */
export function expire({ recipients }: Envelope, failure: Failure): Decision {
  const expired = recipients.map((recipient) => ({ recipient, failure }));
  return { delivered: [], bounced: [], deferred: [], expired, isNotifiedThere: false };
}
