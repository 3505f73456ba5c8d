// Who may send, from whom, to whom, how much and how often, and what devices are offered. `policy` is a snapshot from
// which protocol.ts decides without asking further; what counts messages, or asks the store, is the method `admit`.

import { formatMailbox, type Mailbox, type ReversePath } from '../smtp/address.ts';
import { matcher } from '../smtp/address-patterns.ts';
import type { Refusal } from '../smtp/reply.ts';
import type { ServerMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Clock } from '../system/clock.ts';
import type { Neighbourhood } from '../system/neighbourhood.ts';
import type { Allowed } from '../vocabulary/network.ts';
import type { Offers } from '../vocabulary/offers.ts';
import { type Rate, TokenBucket } from '../vocabulary/rate.ts';
import { type SenderRoute, upstreamsFor } from '../vocabulary/sender-route.ts';
import { addressRule, type RefusedAddress } from './address-rule.ts';
import { LIMITS } from './limits.ts';
import * as replies from './replies.ts';
import type { SizeLimit } from './size-limit.ts';
import type { MessageStore } from './store.ts';
import type { TlsContexts } from './tls.ts';
import type { Authenticator } from './users.ts';

/** What the owner has configured. */
export type AccessSettings = {
  readonly hostname: string;
  readonly allow: Allowed;
  readonly maxRecipients: number;
  /** Patterns (smtp/address-patterns.ts); undefined for anybody. */
  readonly allowSenders: readonly string[] | undefined;
  readonly allowRecipients: readonly string[] | undefined;
  /** Where mail goes. */
  readonly upstreams: readonly SenderRoute[];
  /** Of messages, for each device. */
  readonly deviceRate: Rate | undefined;
  /** The domain that completes bare addresses. */
  readonly defaultDomain: string | undefined;
  /** Whether STARTTLS is offered, or mail and logins are accepted under TLS only. */
  readonly startTls: 'off' | 'offered' | 'required';
};

/** What the decisions depend on. */
type AccessParts = {
  readonly store: Pick<MessageStore, 'room'>;
  readonly sizeLimit: Pick<SizeLimit, 'octets' | 'exceeded'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly neighbourhood: Neighbourhood;
  /** What the upstreams are known to take at this moment. */
  readonly passedOn: () => Offers;
  readonly tls: Pick<TlsContexts, 'context'>;
  readonly authenticator: Pick<Authenticator, 'mechanisms' | 'isRequired'>;
};

/** What holds for one command: values, and functions of their arguments alone. */
export type Policy = {
  readonly hostname: string;
  readonly maxRecipients: number;
  /** Octets that a message may have: EHLO's SIZE. */
  readonly sizeLimit: number;
  /** Whether TLS can begin: it is wanted, and there is a certificate. */
  readonly hasTls: boolean;
  readonly isTlsRequired: boolean;
  /** Those that can succeed; none where logins are not offered. */
  readonly mechanisms: readonly ServerMechanism[];
  readonly isAuthRequired: boolean;
  readonly passedOn: Offers;
  /** What MAIL is refused with for its reverse-path, if it may not send. */
  readonly refuseSender: (sender: ReversePath) => Refusal | undefined;
  /** What RCPT is refused with for its forward-path, if it may not receive. */
  readonly refuseRecipient: (recipient: Mailbox) => Refusal | undefined;
};

/** Decides for all devices; made once. */
export class Access {
  readonly #settings: AccessSettings;
  readonly #parts: AccessParts;
  readonly #rates: DeviceRates | undefined;
  readonly #isSender: (address: string) => boolean;
  readonly #isRecipient: (address: string) => boolean;
  /** What a connection from this address is refused with, if it may not talk to the relay at all. */
  readonly refuseAddress: (address: string) => RefusedAddress | undefined;

  constructor(settings: AccessSettings, parts: AccessParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#rates = settings.deviceRate === undefined ? undefined : new DeviceRates(settings.deviceRate, parts.clock);
    this.#isSender = matcher(settings.allowSenders);
    this.#isRecipient = matcher(settings.allowRecipients);
    this.refuseAddress = addressRule(settings.allow, parts.neighbourhood);
  }

  /** The name by which the relay introduces itself. */
  get hostname(): string {
    return this.#settings.hostname;
  }

  /** Whether a session that begins without TLS may come to need a certificate. */
  get isTlsWanted(): boolean {
    return this.#settings.startTls !== 'off';
  }

  /** What holds at this moment, for one command. */
  policy(): Policy {
    const { hostname, maxRecipients, startTls } = this.#settings;
    const { sizeLimit, tls, authenticator, passedOn } = this.#parts;
    return {
      hostname,
      maxRecipients,
      sizeLimit: sizeLimit.octets,
      hasTls: startTls !== 'off' && tls.context !== undefined,
      isTlsRequired: startTls === 'required',
      mechanisms: authenticator.mechanisms,
      isAuthRequired: authenticator.isRequired,
      passedOn: passedOn(),
      refuseSender: (sender) => this.#refuseSender(sender),
      refuseRecipient: (recipient) => this.#refuseRecipient(recipient),
    };
  }

  /**
   * What a message of so many declared octets (0 for none) is refused with now. One that passes counts for the device's
   * rate.
   */
  admit(device: string, declared: number): Refusal | undefined {
    const { store, sizeLimit } = this.#parts;
    if (declared > sizeLimit.octets) {
      sizeLimit.exceeded(declared);
      return replies.tooLarge(sizeLimit.octets);
    }
    const room = store.room(declared);
    if (room !== 'yes') return room === 'never' ? replies.tooLarge(sizeLimit.octets) : replies.noRoomNow;
    return this.#rates === undefined || this.#rates.take(device) ? undefined : replies.tooManyMessages;
  }

  #refuseSender(sender: ReversePath): Refusal | undefined {
    if (sender === null) return this.#isSender('<>') ? undefined : replies.nullSenderNotAllowed;
    const address = this.#complete(sender);
    if (!this.#isSender(address)) return replies.senderNotAllowed(address);
    return upstreamsFor(this.#settings.upstreams, this.#completed(sender)).length > 0 ? undefined : replies.senderWithoutUpstream(address);
  }

  #refuseRecipient(recipient: Mailbox): Refusal | undefined {
    const address = this.#complete(recipient);
    return this.#isRecipient(address) ? undefined : replies.recipientNotAllowed(address);
  }

  /** The address as it will be sent on. */
  #complete(mailbox: Mailbox): string {
    return formatMailbox(this.#completed(mailbox));
  }

  #completed(mailbox: Mailbox): Mailbox {
    return mailbox.domain === '' ? { ...mailbox, domain: this.#settings.defaultDomain ?? '' } : mailbox;
  }
}

/** How many messages each device sent lately: one bucket a device. */
class DeviceRates {
  readonly #rate: Rate;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #buckets = new Map<string, TokenBucket>(); // the one that was used last stands last

  constructor(rate: Rate, clock: Pick<Clock, 'now'>) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Counts one more message of this device; false, and not counted, when it is one too many. */
  take(device: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(device) ?? new TokenBucket(this.#rate, now);
    this.#buckets.delete(device);
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined && this.#buckets.size >= LIMITS.countedDevices) this.#buckets.delete(oldest);
    this.#buckets.set(device, bucket);
    return bucket.take(now);
  }
}
