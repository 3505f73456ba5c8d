// Providers that take no mail with the null reverse-path (Amazon SES, NetEase, Yandex, Proton Bridge): submission
// services are not the open mail system that RFC 5321, section 6.1, speaks of. What has no sender, notifications above
// all, then goes once more in the same attempt, from an address of the owner. Only what is sent has that sender: in the
// spool the message keeps its null reverse-path, so that no restart lets it be answered by another notification.

import type { Mailbox } from '../smtp/address.ts';
import { type Envelope, withoutNotifications } from '../smtp/envelope.ts';
import type { Attempt, Cause } from '../vocabulary/attempt.ts';

// Whoever sends too much is not helped by another MAIL.
const NOT_THE_PATH: ReadonlySet<Cause> = new Set<Cause>(['throttled', 'quota']);

/**
 * The envelope to try next, with the sender `own`, when the attempt was refused at MAIL for its null reverse-path, as
 * far as can be known; else undefined. A refusal for now counts as well: Proton Bridge never takes what it so refuses,
 * and where the server is only busy, it refuses the second MAIL too, and the message waits. NOTIFY=NEVER for all
 * recipients, since nobody may be notified of a notification.
 */
export function withOwnSender(envelope: Envelope, attempt: Attempt, own: Mailbox | undefined): Envelope | undefined {
  if (envelope.reversePath !== null || own === undefined || !isMailRefused(attempt)) return undefined;
  return { ...withoutNotifications(envelope), reversePath: own };
}

function isMailRefused(attempt: Attempt): boolean {
  if (attempt.result === 'no-answer') return false;
  return attempt.outcomes.every(
    (one) =>
      one.outcome !== 'delivered' &&
      one.failure.stage === 'mail' &&
      one.failure.problem === undefined && // the relay's own refusals are not about the path
      !NOT_THE_PATH.has(one.failure.cause),
  );
}
