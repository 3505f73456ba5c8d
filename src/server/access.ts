// Who may speak, from whom, to whom, how much, how often, and what is offered. Decisions only: values
// in, values out; the one thing that is remembered is how many messages a device sent lately.

import { BlockList } from 'node:net';
import { formatMailbox, type Mailbox, type ReversePath } from '../smtp/address.ts';
import { matcher } from '../smtp/address-patterns.ts';
import type { Refusal } from '../smtp/reply.ts';
import type { Clock } from '../system/clock.ts';
import type { Neighbourhood } from '../system/neighbourhood.ts';
import { type Allowed, familyOf } from '../vocabulary/network.ts';
import type { Offers } from '../vocabulary/offers.ts';
import { type Rate, TokenBucket } from '../vocabulary/rate.ts';
import { ADVICE } from './advice.ts';
import * as replies from './replies.ts';
import type { MessageStore } from './store.ts';

export type PolicySettings = {
  readonly hostname: string;
  readonly allow: Allowed;
  readonly maxRecipients: number;
  /** Patterns; undefined for anybody. */
  readonly allowSenders: readonly string[] | undefined;
  readonly allowRecipients: readonly string[] | undefined;
  readonly deviceRate: Rate | undefined;
  readonly defaultDomain: string | undefined;
  /** Whether mail and logins are taken under TLS only. */
  readonly isTlsRequired: boolean;
};

export type PolicyParts = {
  readonly store: MessageStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly neighbourhood: Neighbourhood;
  readonly passedOn: () => Offers;
  /** Whether STARTTLS is offered: the owner wants it, and there is a certificate to do TLS with. */
  readonly hasTls: () => boolean;
  readonly auth: { readonly mechanisms: readonly string[]; readonly isRequired: boolean };
};

/** The decisions for one device's session. */
export interface Policy {
  readonly hostname: string;
  readonly maxRecipients: number;
  /** Octets a message may have, as advertised. */
  readonly sizeLimit: number;
  readonly hasTls: boolean;
  readonly isTlsRequired: boolean;
  readonly mechanisms: readonly string[];
  readonly isAuthRequired: boolean;
  readonly passedOn: Offers;
  /** What MAIL with this sender and declared size (undefined for none) is refused with, if it is. One that passes counts for the rate. */
  refuseMail(sender: ReversePath, declared: number | undefined): Refusal | undefined;
  refuseRecipient(recipient: Mailbox): Refusal | undefined;
}

export interface Access {
  /** What that address is refused with, if it may not talk to us at all. */
  refuseAddress(address: string): { readonly refusal: Refusal; readonly advice: string | undefined } | undefined;
  policyFor(device: string): Policy;
}

export function createAccess(settings: PolicySettings, parts: PolicyParts): Access {
  const { store, auth } = parts;
  const isSender = matcher(settings.allowSenders);
  const isRecipient = matcher(settings.allowRecipients);
  const rate = settings.deviceRate === undefined ? undefined : createRateLimit(settings.deviceRate, parts.clock);
  const addressOf = (mailbox: Mailbox) =>
    formatMailbox(mailbox.domain === '' ? { ...mailbox, domain: settings.defaultDomain ?? '' } : mailbox);

  const refuseSize = (declared: number | undefined): Refusal | undefined => {
    if (declared !== undefined && declared > store.sizeLimit) {
      store.tooLarge(declared);
      return replies.tooLarge(store.sizeLimit);
    }
    switch (store.room(declared ?? 0)) {
      case 'yes':
        return undefined;
      case 'not-now':
        return replies.noRoomNow;
      case 'never':
        return replies.tooLarge(store.sizeLimit);
    }
  };

  return {
    refuseAddress: addressRule(settings.allow, parts.neighbourhood),
    policyFor: (device) => ({
      hostname: settings.hostname,
      maxRecipients: settings.maxRecipients,
      mechanisms: auth.mechanisms,
      isAuthRequired: auth.isRequired,
      isTlsRequired: settings.isTlsRequired,
      get sizeLimit() {
        return store.sizeLimit;
      },
      get hasTls() {
        return parts.hasTls();
      },
      get passedOn() {
        return parts.passedOn();
      },
      refuseMail(sender, declared) {
        if (sender === null && !isSender('<>')) return replies.nullSenderNotAllowed;
        if (sender !== null && !isSender(addressOf(sender))) return replies.senderNotAllowed(addressOf(sender));
        const refusal = refuseSize(declared);
        if (refusal !== undefined) return refusal;
        return rate === undefined || rate(device) ? undefined : replies.tooManyMessages;
      },
      refuseRecipient: (recipient) => (isRecipient(addressOf(recipient)) ? undefined : replies.recipientNotAllowed(addressOf(recipient))),
    }),
  };
}

function addressRule({ networks, lan, gateway }: Allowed, neighbourhood: Neighbourhood): Access['refuseAddress'] {
  const allowed = new BlockList();
  const named = new BlockList(); // single addresses: who names a router's means it
  for (const { address, prefix, family } of networks) {
    allowed.addSubnet(address, prefix, family);
    if (prefix === (family === 'ipv6' ? 128 : 32)) named.addAddress(address, family);
  }
  return (address) => {
    const family = familyOf(address);
    if (named.check(address, family)) return undefined;
    if (neighbourhood.isGateway(address)) return gateway ? undefined : { refusal: replies.isGateway(address), advice: ADVICE.gateway };
    if (allowed.check(address, family)) return undefined;
    const isNeighbour = neighbourhood.isOnLink(address);
    if (lan && isNeighbour) return undefined;
    return { refusal: replies.notAllowed(address), advice: isNeighbour ? ADVICE.ownNetwork : undefined };
  };
}

// Devices whose messages are counted; a flood of addresses must not fill the memory.
const MOST_COUNTED = 4_096;

/** A bucket a device; whether one more message is admitted. */
function createRateLimit(rate: Rate, clock: Pick<Clock, 'now'>): (device: string) => boolean {
  const buckets = new Map<string, TokenBucket>();
  return (device) => {
    const bucket = buckets.get(device) ?? new TokenBucket(rate, clock.now());
    buckets.delete(device); // the one used last stands last
    if (buckets.size >= MOST_COUNTED) for (const oldest of [...buckets.keys()].slice(0, 1)) buckets.delete(oldest);
    buckets.set(device, bucket);
    return bucket.take(clock.now());
  };
}
