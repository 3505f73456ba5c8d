// Who may speak, from whom, to whom, how much, how often, and what is offered. Decisions only: values
// in, values out; the one thing that is remembered is how many messages a device sent lately.

import { BlockList, isIPv6 } from 'node:net';
import { formatMailbox, type Mailbox, type ReversePath } from '../smtp/address.ts';
import type { Refusal } from '../smtp/reply.ts';
import type { Clock, Monotonic } from '../system/clock.ts';
import { matcher } from './patterns.ts';
import * as replies from './replies.ts';
import type { MessageStore } from './store.ts';

/** A network as `net.BlockList` takes it. */
export type Network = { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' };

/** At most `count` in `per` ms. */
export type Rate = { readonly count: number; readonly per: number };

export type PolicySettings = {
  readonly hostname: string;
  readonly allow: readonly Network[];
  readonly maxRecipients: number;
  /** Patterns; undefined for anybody. */
  readonly allowSenders: readonly string[] | undefined;
  readonly allowRecipients: readonly string[] | undefined;
  readonly deviceRate: Rate | undefined;
  readonly defaultDomain: string | undefined;
};

/** What depends on what the upstreams were last seen to offer, since it is only passed on. */
export type PassedOn = { readonly smtpUtf8: boolean; readonly binaryMime: boolean };

export type PolicyParts = {
  readonly store: MessageStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly passedOn: () => PassedOn;
  /** Whether there is a certificate to do TLS with. */
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
  readonly mechanisms: readonly string[];
  readonly isAuthRequired: boolean;
  readonly passedOn: PassedOn;
  /** What MAIL with this sender and declared size (undefined for none) is refused with, if it is. One that passes counts for the rate. */
  refuseMail(sender: ReversePath, declared: number | undefined): Refusal | undefined;
  refuseRecipient(recipient: Mailbox): Refusal | undefined;
}

export interface Access {
  /** Whether that address may talk to us at all. */
  isAllowed(address: string): boolean;
  policyFor(device: string): Policy;
}

export function createAccess(settings: PolicySettings, parts: PolicyParts): Access {
  const { store, auth } = parts;
  const allowed = new BlockList();
  for (const { address, prefix, family } of settings.allow) allowed.addSubnet(address, prefix, family);
  const isSender = matcher(settings.allowSenders);
  const isRecipient = matcher(settings.allowRecipients);
  const rate = settings.deviceRate === undefined ? undefined : createRateLimit(settings.deviceRate, parts.clock);
  const addressOf = (mailbox: Mailbox) =>
    formatMailbox(mailbox.domain === '' ? { ...mailbox, domain: settings.defaultDomain ?? '' } : mailbox);

  const refuseSize = (declared: number | undefined): Refusal | undefined => {
    if (declared !== undefined && declared > store.sizeLimit) return replies.tooLarge(store.sizeLimit);
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
    isAllowed: (address) => allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'),
    policyFor: (device) => ({
      hostname: settings.hostname,
      maxRecipients: settings.maxRecipients,
      mechanisms: auth.mechanisms,
      isAuthRequired: auth.isRequired,
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
        if (sender !== null && !isSender(addressOf(sender))) return replies.senderNotAllowed(addressOf(sender));
        const refusal = refuseSize(declared);
        if (refusal !== undefined) return refusal;
        return rate === undefined || rate(device) ? undefined : replies.tooManyMessages;
      },
      refuseRecipient: (recipient) => (isRecipient(addressOf(recipient)) ? undefined : replies.recipientNotAllowed(addressOf(recipient))),
    }),
  };
}

// Devices whose messages are counted; a flood of addresses must not fill the memory.
const MOST_COUNTED = 4_096;

/** A bucket a device that holds `count` and fills again over `per`; whether one more message is admitted. */
function createRateLimit({ count, per }: Rate, clock: Pick<Clock, 'now'>): (device: string) => boolean {
  const buckets = new Map<string, { left: number; at: Monotonic }>();
  return (device) => {
    const now = clock.now();
    const before = buckets.get(device);
    const left = before === undefined ? count : Math.min(count, before.left + ((now - before.at) * count) / per);
    buckets.delete(device); // the one used last stands last
    if (buckets.size >= MOST_COUNTED) for (const oldest of [...buckets.keys()].slice(0, 1)) buckets.delete(oldest);
    buckets.set(device, { left: left >= 1 ? left - 1 : left, at: now });
    return left >= 1;
  };
}

/** `::ffff:192.0.2.7` as `192.0.2.7`: a dual-stack socket shows IPv4 peers mapped. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '');
}
