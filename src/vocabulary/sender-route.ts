// Which upstreams take the mail of a sender: those that name it (`?from=` in GATEPOST_UPSTREAM), else those that name
// nobody. Both who takes mail in and who sends it on must know.

import { formatMailbox, type ReversePath } from '../smtp/address.ts';
import { matcher } from '../smtp/address-patterns.ts';

/** An upstream, as far as senders are concerned. */
export type SenderRoute = {
  /** Patterns as in GATEPOST_ALLOW_SENDERS of the senders that it is for; undefined for all that no other one names. */
  readonly senders?: readonly string[] | undefined;
};

/**
 * Those of `upstreams` that take mail of this sender, in their order; none where all name others. Mail without a sender
 * goes to those that name `<>`, to those that name nobody, or else to all: a notification is for the owner.
 */
export function upstreamsFor<T extends SenderRoute>(upstreams: readonly T[], sender: ReversePath): readonly T[] {
  const address = sender === null ? '<>' : formatMailbox(sender);
  const naming = upstreams.filter(({ senders }) => senders !== undefined && matcher(senders)(address));
  if (naming.length > 0) return naming;
  const others = upstreams.filter(({ senders }) => senders === undefined);
  return others.length === 0 && sender === null ? upstreams : others;
}
