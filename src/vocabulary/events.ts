// What happens in the relay, as types. An event says once that something has happened; it never carries control. Every
// event has a line in ops/log.ts; the README lists them.

import type { Mailbox } from '../smtp/address.ts';
import type { Envelope } from '../smtp/envelope.ts';
import type { Refusal, RemoteReply } from '../smtp/reply.ts';
import type { Failure } from './attempt.ts';
import type { QueueId } from './queue-id.ts';
import type { SpoolDamage, SpoolRecovery } from './spool-status.ts';

/** A message was accepted; `octets` is its size with the trace field, `hello` the name that the device gave itself. */
export type Accepted = {
  readonly id: QueueId;
  readonly device: string;
  readonly hello: string;
  readonly octets: number;
  readonly envelope: Envelope;
};

/** Something that concerns a device, named by its address; `advice`: what the owner can do about it. */
type DeviceEvent = { readonly device: string; readonly advice?: string };

/** How far a session had come. */
export type SessionProgress = {
  readonly hello?: string;
  /** The reverse-path with its brackets. */
  readonly from?: string;
  readonly to?: readonly string[];
  readonly stage: 'starttls' | 'mail' | 'rcpt' | 'data' | 'bdat';
  /** How many octets of the message had come. */
  readonly octets?: number;
};

/** Something that concerns one recipient of a message. */
type RecipientEvent = { readonly id: QueueId; readonly recipient: Mailbox; readonly upstream: string };

/** A notification (RFC 3464) to `recipient` of what became of the message `about`. */
type NotificationEvent = {
  readonly about: QueueId;
  readonly action: 'failed' | 'delayed' | 'relayed';
  readonly recipient: Mailbox;
};

/** A method for each event: a listener has those that it wants. Listeners are synchronous. */
export interface RelayEvents {
  /** The ports listen. `upstreams` are `host:port` in order of preference; `queued` is how many messages wait. */
  started(event: {
    readonly hostname: string;
    readonly listening: readonly string[];
    readonly upstreams: readonly string[];
    readonly queued: number;
  }): void;
  /** Everything is closed. */
  stopped(): void;
  /** A device may speak: its connection was let in. */
  connected(event: { readonly device: string }): void;
  /**
   * A device got a refusal: as the reply to `command` (in the form that a log may show), or as the end of its session,
   * and then `progress` says how far it had come.
   */
  refused(event: DeviceEvent & { readonly refusal: Refusal; readonly command: string; readonly progress?: SessionProgress }): void;
  /**
   * A device closed the connection in the middle of a transaction or right after STARTTLS; nothing of the message is
   * kept.
   */
  gone(event: DeviceEvent & { readonly progress: SessionProgress; readonly problem: string }): void;
  /**
   * Something that speaks another protocol connected to the SMTP port: a browser, a scanner, TLS from the first byte.
   */
  notSmtp(event: DeviceEvent & { readonly protocol: 'tls' | 'http' | 'unknown'; readonly octets: number }): void;
  /** A device began TLS and could not finish. */
  deviceTlsFailed(event: DeviceEvent & { readonly problem: string }): void;
  /** A device has logged in. */
  authenticated(event: { readonly device: string; readonly user: string; readonly mechanism: string }): void;
  /** A message is on the flash, and its 250 is on the way to the device. */
  accepted(event: Accepted): void;
  /** The upstream accepted the message for this recipient, so many seconds after it came. */
  delivered(event: RecipientEvent & { readonly reply: RemoteReply; readonly seconds: number }): void;
  /** The recipient was refused for now and is tried again. */
  deferred(event: RecipientEvent & { readonly failure: Failure; readonly retryInSeconds: number }): void;
  /** The recipient was refused for good. */
  bounced(event: RecipientEvent & { readonly failure: Failure }): void;
  /** The recipient is given up after so many hours; `failure` was the last one. */
  expired(event: RecipientEvent & { readonly failure: Failure; readonly hours: number }): void;
  /** A notification is in the spool; `id` is its own. */
  notified(event: NotificationEvent & { readonly id: QueueId }): void;
  /**
   * A notification could not be made or kept; or, with its own `id`, was refused for good or expired, and nobody is
   * notified of that.
   */
  notificationLost(event: (NotificationEvent | { readonly id: QueueId; readonly recipient: Mailbox }) & { readonly problem: string }): void;
  /** The owner gave the message up. */
  dropped(event: { readonly id: QueueId }): void;
  /** The owner holds the queue: no delivery begins until it is released. */
  held(): void;
  /** The owner released the queue. */
  released(): void;
  /** The message has left the spool: no recipient waits any more. */
  removed(event: { readonly id: QueueId }): void;
  /** What a signature covers (RFC 1847) had to be converted to 7 bits for this upstream, so that it fits no more. */
  signatureBroken(event: { readonly upstream: string; readonly envelope: Envelope }): void;
  /** RFC 1047: the connection was lost after the final dot; the message is tried again and may arrive twice. */
  maybeDelivered(event: { readonly id: QueueId; readonly upstream: string; readonly problem: string }): void;
  /**
   * A connection to an upstream is ready for mail. `tls` is its version, `auth` the mechanism, `sizeLimit` the SIZE in
   * octets.
   */
  upstreamConnected(event: {
    readonly upstream: string;
    readonly tls: string;
    readonly auth: string;
    readonly sizeLimit: number | undefined;
  }): void;
  /** The relay does something differently for this upstream from now on; the sentence says what, and why. */
  upstreamLearned(event: { readonly upstream: string; readonly sentence: string }): void;
  /** An upstream that was down accepts mail again. */
  upstreamUp(event: { readonly upstream: string; readonly downSeconds: number }): void;
  /** The provider asked for less mail at once. */
  upstreamSlowed(event: { readonly upstream: string; readonly failure: Failure; readonly retryInSeconds: number }): void;
  /** An upstream is unavailable, or still is after a probe. */
  upstreamDown(event: {
    readonly upstream: string;
    readonly failure: Failure;
    readonly retryInSeconds: number;
    /** Whether it was down for the same reason before. */
    readonly isRepeated: boolean;
  }): void;
  /** The spool was read at the start. */
  spoolRecovered(event: SpoolRecovery): void;
  /** The flash has lost what was synced to it: mail that was acknowledged may be gone. */
  spoolDamaged(event: SpoolDamage): void;
  /** There was no room for so many more octets from this device. */
  spoolFull(event: { readonly device: string; readonly octets: number }): void;
  /** The flash could not be written. */
  spoolFailed(event: { readonly problem: string }): void;
  /** A part of the program failed in a way that nobody foresaw; the relay goes on. */
  fault(event: { readonly where: string; readonly error: unknown }): void;
}

/** Reports an event to all listeners; never throws. */
export type Tell = <E extends keyof RelayEvents>(event: E, ...args: Parameters<RelayEvents[E]>) => void;
