// What happens in the relay, as types. An event says that something has happened, once; it never carries control.

import type { Mailbox } from '../smtp/address.ts';
import type { Envelope } from '../smtp/envelope.ts';
import type { Refusal, RemoteReply } from '../smtp/reply.ts';
import type { Failure } from './attempt.ts';
import type { QueueId } from './queue-id.ts';
import type { SpoolDamage, SpoolRecovery } from './spool-status.ts';

export type Accepted = {
  readonly id: QueueId;
  readonly device: string;
  readonly hello: string;
  readonly octets: number;
  readonly envelope: Envelope;
};
/** Something that concerns a device; `advice`: what the owner can do about it. */
export type DeviceEvent = { readonly device: string; readonly advice?: string };

/** How far a session had come. */
export type SessionProgress = {
  readonly hello?: string;
  /** The reverse-path with its brackets. */
  readonly from?: string;
  readonly to?: readonly string[];
  readonly stage: 'starttls' | 'mail' | 'rcpt' | 'data' | 'bdat';
  /** Of the message. */
  readonly octets?: number;
};

export type RecipientEvent = { readonly id: QueueId; readonly recipient: Mailbox; readonly upstream: string };

export type NotificationEvent = {
  readonly about: QueueId;
  readonly action: 'failed' | 'delayed' | 'relayed';
  readonly recipient: Mailbox;
};

export interface RelayEvents {
  started(event: {
    readonly hostname: string;
    readonly listening: readonly string[];
    readonly upstreams: readonly string[];
    readonly queued: number;
  }): void;
  stopped(): void;
  connected(event: { readonly device: string }): void;
  /** A device got a refusal: to a command, as a log may show it, or as its session's end, when `way` tells how far it had come. */
  refused(event: DeviceEvent & { readonly refusal: Refusal; readonly command: string; readonly way?: SessionProgress }): void;
  /** A device went away amid what it had begun; nothing of the message is kept. */
  gone(event: DeviceEvent & { readonly way: SessionProgress; readonly problem: string }): void;
  /** Something that speaks another protocol came to the SMTP port: a browser, a scanner, TLS from the first byte. */
  notSmtp(event: DeviceEvent & { readonly protocol: 'tls' | 'http' | 'unknown'; readonly octets: number }): void;
  /** A device began TLS and could not finish. */
  deviceTlsFailed(event: DeviceEvent & { readonly problem: string }): void;
  authenticated(event: { readonly device: string; readonly user: string; readonly mechanism: string }): void;
  accepted(event: Accepted): void;
  delivered(event: RecipientEvent & { readonly reply: RemoteReply; readonly seconds: number }): void;
  deferred(event: RecipientEvent & { readonly failure: Failure; readonly retryInSeconds: number }): void;
  bounced(event: RecipientEvent & { readonly failure: Failure }): void;
  /** Deferred once too often; `failure` was the last. */
  expired(event: RecipientEvent & { readonly failure: Failure; readonly hours: number }): void;
  /** A notification of what became of the message `about` is in the spool, or could not be kept there. */
  notified(event: NotificationEvent & { readonly id: QueueId }): void;
  notificationLost(event: NotificationEvent & { readonly problem: string }): void;
  /** Given up by hand. */
  dropped(event: { readonly id: QueueId }): void;
  /** By hand: no delivery begins until it is released. */
  held(): void;
  released(): void;
  /** The message has left the spool: no recipient waits any more. */
  removed(event: { readonly id: QueueId }): void;
  /** RFC 1047: the connection went after the final dot; the message is tried again and may arrive twice. */
  maybeDelivered(event: { readonly id: QueueId; readonly upstream: string; readonly problem: string }): void;
  upstreamConnected(event: {
    readonly upstream: string;
    readonly tls: string;
    readonly auth: string;
    readonly sizeLimit: number | undefined;
  }): void;
  upstreamUp(event: { readonly upstream: string; readonly downSeconds: number }): void;
  /** The provider wants less at once. */
  upstreamSlowed(event: { readonly upstream: string; readonly failure: Failure; readonly retryInSeconds: number }): void;
  upstreamDown(event: {
    readonly upstream: string;
    readonly failure: Failure;
    readonly retryInSeconds: number;
    /** Whether it was down for the same before. */
    readonly isRepeated: boolean;
  }): void;
  spoolRecovered(event: SpoolRecovery): void;
  /** Flash has lost what was synced to it: mail that was acknowledged may be gone. `lost` was; `maybeLost` had no commit left to say. */
  spoolDamaged(event: SpoolDamage): void;
  spoolFull(event: { readonly device: string; readonly octets: number }): void;
  spoolFailed(event: { readonly problem: string }): void;
  /** A part of the program failed in a way nobody foresaw; the relay lives on. */
  fault(event: { readonly where: string; readonly error: unknown }): void;
}

/** Tells all listeners of one event; never throws. */
export type Tell = <E extends keyof RelayEvents>(event: E, ...args: Parameters<RelayEvents[E]>) => void;
