// Providers that take no mail with the null reverse-path (Amazon SES, NetEase, Yandex, Proton Bridge): submission
// services are not the open mail system that RFC 5321, section 6.1, speaks of. What has no sender, notifications above
// all, then goes once more in the same attempt, from an address of the owner. Only what is sent has that sender: in the
// spool the message keeps its null reverse-path, so that no restart lets it be answered by another notification.

import type { Mailbox } from '../smtp/address.ts';
import { type Envelope, withoutNotifications } from '../smtp/envelope.ts';
import type { Attempt } from '../vocabulary/attempt.ts';

/**
 * The envelope to try next, with the sender `own`, when the attempt was refused for its null reverse-path (verdict.ts
 * says which refusals mean that, at MAIL any that speaks of no trouble of the server); else undefined. NOTIFY=NEVER for
 * all recipients, since nobody may be notified of a notification.
 */
export function withOwnSender(envelope: Envelope, attempt: Attempt, own: Mailbox | undefined): Envelope | undefined {
  if (envelope.reversePath !== null || own === undefined || attempt.result === 'no-answer') return undefined;
  const isRefused = attempt.outcomes.every((one) => one.outcome !== 'delivered' && one.failure.cause === 'null-path');
  return isRefused ? { ...withoutNotifications(envelope), reversePath: own } : undefined;
}
