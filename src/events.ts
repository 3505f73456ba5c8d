// The relay's news, as types. Events tell what has happened, once; they never carry control.

import type { Mailbox } from './smtp/address.ts';
import type { Envelope } from './smtp/envelope.ts';
import type { Failure, UpstreamFailure } from './smtp/outcome.ts';
import type { Refusal, RemoteReply } from './smtp/reply.ts';

declare const queueId: unique symbol;

/** Names one message for its life, in replies, trace fields and logs. */
export type QueueId = string & { readonly [queueId]: true };

export type Accepted = {
  readonly id: QueueId;
  readonly device: string;
  readonly hello: string;
  readonly octets: number;
  readonly envelope: Envelope;
};
/** Something that concerns a device; `advice`: what the owner can do about it. */
export type DeviceNews = { readonly device: string; readonly advice?: string };

/** How far a session had come. */
export type Way = {
  readonly hello?: string;
  /** The reverse-path with its brackets. */
  readonly from?: string;
  readonly to?: readonly string[];
  readonly stage: 'starttls' | 'mail' | 'rcpt' | 'data' | 'bdat';
  /** Of the message. */
  readonly octets?: number;
};

export type RecipientNews = { readonly id: QueueId; readonly recipient: Mailbox; readonly upstream: string };

export type NotificationNews = {
  readonly about: QueueId;
  readonly action: 'failed' | 'delayed' | 'relayed';
  readonly recipient: Mailbox;
};

export interface RelayEvents {
  started(news: {
    readonly hostname: string;
    readonly listening: readonly string[];
    readonly upstreams: readonly string[];
    readonly queued: number;
  }): void;
  stopped(): void;
  connected(news: { readonly device: string }): void;
  /** A device got a refusal: to a command, as a log may show it, or as its session's end, when `way` tells how far it had come. */
  refused(news: DeviceNews & { readonly refusal: Refusal; readonly command: string; readonly way?: Way }): void;
  /** A device went away amid what it had begun; nothing of the message is kept. */
  gone(news: DeviceNews & { readonly way: Way; readonly problem: string }): void;
  /** Something that speaks another protocol came to the SMTP port: a browser, a scanner, TLS from the first byte. */
  notSmtp(news: DeviceNews & { readonly protocol: 'tls' | 'http' | 'unknown'; readonly octets: number }): void;
  /** A device began TLS and could not finish. */
  deviceTlsFailed(news: DeviceNews & { readonly problem: string }): void;
  authenticated(news: { readonly device: string; readonly user: string; readonly mechanism: string }): void;
  accepted(news: Accepted): void;
  delivered(news: RecipientNews & { readonly reply: RemoteReply; readonly seconds: number }): void;
  deferred(news: RecipientNews & { readonly failure: Failure; readonly retryInSeconds: number }): void;
  bounced(news: RecipientNews & { readonly failure: Failure }): void;
  /** Deferred once too often; `failure` was the last. */
  expired(news: RecipientNews & { readonly failure: Failure; readonly hours: number }): void;
  /** A notification of what became of the message `about` is in the spool, or could not be kept there. */
  notified(news: NotificationNews & { readonly id: QueueId }): void;
  notificationLost(news: NotificationNews & { readonly problem: string }): void;
  /** Given up by hand. */
  dropped(news: { readonly id: QueueId }): void;
  /** By hand: no delivery begins until it is released. */
  held(): void;
  released(): void;
  /** The message has left the spool: no recipient waits any more. */
  removed(news: { readonly id: QueueId }): void;
  /** RFC 1047: the connection went after the final dot; the message is tried again and may arrive twice. */
  maybeDelivered(news: { readonly id: QueueId; readonly upstream: string; readonly problem: string }): void;
  upstreamConnected(news: {
    readonly upstream: string;
    readonly tls: string;
    readonly auth: string;
    readonly sizeLimit: number | undefined;
  }): void;
  upstreamUp(news: { readonly upstream: string; readonly downSeconds: number }): void;
  /** The provider wants less at once. */
  upstreamSlowed(news: { readonly upstream: string; readonly failure: Failure; readonly retryInSeconds: number }): void;
  upstreamDown(news: {
    readonly upstream: string;
    readonly failure: UpstreamFailure;
    readonly retryInSeconds: number;
    /** Whether it was down for the same before. */
    readonly isRepeated: boolean;
  }): void;
  spoolRecovered(news: SpoolRecovery): void;
  /** Flash has lost what was synced to it: mail that was acknowledged may be gone. `lost` was; `maybeLost` had no commit left to say. */
  spoolDamaged(news: SpoolDamage): void;
  spoolFull(news: { readonly device: string; readonly octets: number }): void;
  spoolFailed(news: { readonly problem: string }): void;
  /** A part of the program failed in a way nobody foresaw; the relay lives on. */
  fault(news: { readonly where: string; readonly error: unknown }): void;
}

export type SpoolRecovery = {
  readonly messages: number;
  /** Messages that had no commit: their sender was never told 250. */
  readonly unfinished: number;
  readonly torn: number;
  readonly milliseconds: number;
};

export type SpoolDamage = {
  /** The file or files; `generation n` for one that is not there and whose name is not known. */
  readonly segment: string;
  readonly problem: string;
  readonly lost: readonly QueueId[];
  readonly maybeLost: readonly QueueId[];
};

/** Tells all listeners of one event; never throws. */
export type Tell = <E extends keyof RelayEvents>(event: E, ...args: Parameters<RelayEvents[E]>) => void;
