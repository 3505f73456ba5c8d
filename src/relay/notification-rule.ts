// Whom the relay may write to of its own accord. A device that may only send to the owner must not be able to make the
// relay write to others by naming them as the sender of its messages.

import type { Config } from '../config/config.ts';
import { formatMailbox, isSameMailbox, type Mailbox } from '../smtp/address.ts';
import { matcher } from '../smtp/address-patterns.ts';

type RuleSettings = {
  readonly server: Pick<Config['server'], 'allowRecipients'>;
  readonly delivery: Pick<Config['delivery'], 'bounceTo'>;
  readonly rewriting: Pick<Config['rewriting'], 'sender' | 'recipient'>;
};

/**
 * Whether a notification may go to an address: to the owner's own addresses always, to others only if devices may send
 * to them and mail is not redirected to GATEPOST_RECIPIENT.
 */
export function notificationRule({ server, delivery, rewriting }: RuleSettings): (address: Mailbox) => boolean {
  const isAllowed = matcher(server.allowRecipients);
  const owners = [rewriting.sender, delivery.bounceTo, rewriting.recipient].filter((one) => one !== undefined);
  return (address) =>
    owners.some((one) => isSameMailbox(one, address)) || (rewriting.recipient === undefined && isAllowed(formatMailbox(address)));
}
