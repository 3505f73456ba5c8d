// Who may send, from whom, to whom, how much and how often, and what devices are offered. `policy` is a snapshot from
// which protocol.ts decides without asking further; what counts messages, or asks the store, is the method `admit`.

import { formatMailbox, isInternational, type Mailbox, type ReversePath } from '../smtp/address.ts';
import { matcher } from '../smtp/address-patterns.ts';
import { discreetMailbox } from '../smtp/discreet.ts';
import type { UnreadablePath } from '../smtp/path.ts';
import type { Refusal } from '../smtp/reply.ts';
import type { ServerMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Clock, Monotonic } from '../system/clock.ts';
import type { Neighbourhood } from '../system/neighbourhood.ts';
import { type Allowed, networkOf } from '../vocabulary/network.ts';
import type { Offers } from '../vocabulary/offers.ts';
import { type Rate, TokenBucket } from '../vocabulary/rate.ts';
import type { Rewriting } from '../vocabulary/rewriting.ts';
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
  /** Which addresses are replaced or completed after they were taken. */
  readonly rewriting: Rewriting;
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
  /**
   * The reverse-path that MAIL's path stands for, or what it is refused with. One that can't be read, or can't be sent
   * on as it is, stands for the owner's address where that replaces it anyway.
   */
  readonly takeSender: (path: ReversePath | UnreadablePath) => ReversePath | Refusal;
  /** The same of RCPT's forward-path. */
  readonly takeRecipient: (path: Mailbox | UnreadablePath) => Mailbox | Refusal;
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
      takeSender: (path) => this.#takeSender(path),
      takeRecipient: (path) => this.#takeRecipient(path),
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

  // An address that is on no list can't be replaced by one that is: a path that can't be read is taken only where
  // everybody may send, or receive.
  #takeSender(path: ReversePath | UnreadablePath): ReversePath | Refusal {
    if (path === null) return this.#isSender('<>') ? null : replies.nullSenderNotAllowed;
    const { allowSenders, rewriting, upstreams } = this.#settings;
    if ('unreadable' in path)
      return (allowSenders === undefined ? rewriting.sender : undefined) ?? replies.unreadablePath('MAIL', path.unreadable);
    const address = this.#complete(path);
    if (!this.#isSender(formatMailbox(address))) return replies.senderNotAllowed(discreetMailbox(address));
    if (upstreamsFor(upstreams, address).length === 0) return replies.senderWithoutUpstream(discreetMailbox(address));
    return (isInternational(path) ? rewriting.sender : undefined) ?? path;
  }

  #takeRecipient(path: Mailbox | UnreadablePath): Mailbox | Refusal {
    const { allowRecipients, rewriting } = this.#settings;
    if ('unreadable' in path)
      return (allowRecipients === undefined ? rewriting.recipient : undefined) ?? replies.unreadablePath('RCPT', path.unreadable);
    const address = this.#complete(path);
    if (!this.#isRecipient(formatMailbox(address))) return replies.recipientNotAllowed(discreetMailbox(address));
    return (isInternational(path) ? rewriting.recipient : undefined) ?? path;
  }

  /** The mailbox with the domain that it may lack. */
  #complete(mailbox: Mailbox): Mailbox {
    return mailbox.domain === '' ? { ...mailbox, domain: this.#settings.rewriting.defaultDomain ?? '' } : mailbox;
  }
}

/** How many messages each device, and each IPv6 network, sent lately. */
class DeviceRates {
  readonly #ofDevices: Buckets;
  readonly #ofNetworks: Buckets;
  readonly #clock: Pick<Clock, 'now'>;

  constructor({ count, per }: Rate, clock: Pick<Clock, 'now'>) {
    this.#ofDevices = new Buckets({ count, per });
    this.#ofNetworks = new Buckets({ count: count * LIMITS.devicesInNetwork, per });
    this.#clock = clock;
  }

  /** Counts one more message of this device; false, when it is one too many of the device or of its network. */
  take(device: string): boolean {
    const now = this.#clock.now();
    const network = networkOf(device);
    return this.#ofDevices.take(device, now) && (network === undefined || this.#ofNetworks.take(network, now));
  }
}

/** One bucket for each name. */
class Buckets {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, TokenBucket>(); // the one that was used last stands last

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  take(name: string, now: Monotonic): boolean {
    const bucket = this.#buckets.get(name) ?? new TokenBucket(this.#rate, now);
    this.#buckets.delete(name);
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined && this.#buckets.size >= LIMITS.countedDevices) this.#buckets.delete(oldest);
    this.#buckets.set(name, bucket);
    return bucket.take(now);
  }
}
