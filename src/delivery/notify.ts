// Who is notified of what became of a message (RFC 3461): which recipients a notification is wanted for, to whom it
// goes, and the notification put into the spool like any other message. A notification has the null reverse-path, and a
// message with a null reverse-path is never answered, so that two relays can't answer each other for ever.

import { type Action, composeNotification, type Report } from '../message/dsn.ts';
import { readHeaderSection } from '../message/header.ts';
import { isInternational, type Mailbox } from '../smtp/address.ts';
import type { Envelope, Recipient } from '../smtp/envelope.ts';
import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { Clock, WallTime } from '../system/clock.ts';
import { problemOf } from '../system/problem.ts';
import type { Random } from '../system/random.ts';
import { describeFailure } from '../vocabulary/attempt.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import { OWN_DEVICE } from '../vocabulary/queued-message.ts';
import { type Rate, TokenBucket } from '../vocabulary/rate.ts';
import type { Delivered, Failed } from './decide.ts';
import type { Queue } from './queue.ts';

/** What the configuration says about notifications. */
export type NotifySettings = {
  /** The relay's name, for the notification's own fields. */
  readonly hostname: string;
  /** Where all notifications go; else to the reverse-path, if mail may go there. */
  readonly bounceTo: Mailbox | undefined;
  /** Where all mail goes, notifications too. */
  readonly recipient: Mailbox | undefined;
  /** Whether a notification may go to that address, which a device has named. */
  readonly mayNotify: (address: Mailbox) => boolean;
  /** Whose address stands in From; else MAILER-DAEMON of this host. */
  readonly sender: Mailbox | undefined;
};

/** A message of which some recipients are settled or delayed, and what is to be said about them. */
export type Notice = {
  readonly id: QueueId;
  /** Of the message. */
  readonly octets: number;
  /** Where the message came from. */
  readonly device: string;
  readonly envelope: Envelope;
  /** The name of the upstream that it was sent to. */
  readonly upstream: string;
  readonly action: Action;
  readonly outcomes: readonly (Delivered | (Failed & { readonly isExpired?: true }))[];
  /** How long it is still tried, in ms. */
  readonly triedFor?: number;
};

type NotifierParts = {
  readonly queue: Queue;
  /** The date as it is written into messages. */
  readonly wall: () => WallTime;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly tell: Tell;
  readonly settings: NotifySettings;
};

// A device that keeps sending what can't be delivered must not fill the owner's mailbox, nor use up the account's
// quota: so many at once, and with what comes in the meantime at most 60 in any hour.
const MOST: Rate = { count: 10, per: 12 * 60_000 };
// Kept for failures: notifications that a device has asked for do not use them up.
const KEPT_FOR_FAILURES = 5;

/** Makes notifications and puts them into the queue. */
export class Notifier {
  readonly #parts: NotifierParts;
  readonly #allowance: TokenBucket;

  constructor(parts: NotifierParts) {
    this.#parts = parts;
    this.#allowance = new TokenBucket(MOST, parts.clock.now());
  }

  /**
   * Notifies of those outcomes that the sender wants to know; resolves once the notification is on the flash. Never
   * rejects: one that can't be made or kept is logged as lost.
   */
  async notify(notice: Notice): Promise<void> {
    const { queue, tell, settings } = this.#parts;
    const { id, envelope, action, upstream } = notice;
    // Never a bounce for a bounce (RFC 5321, section 6.1).
    if (envelope.reversePath === null) return this.#endsHere(notice);
    const wanted = notice.outcomes.filter(({ recipient }) => isWanted(recipient, action));
    const [first, ...rest] = wanted.map((outcome) => reportOf(outcome, upstream));
    if (first === undefined) return;
    const to = settings.bounceTo ?? settings.recipient ?? envelope.reversePath;
    if (to.domain === '') return; // that leads nowhere
    const about = { about: id, action, recipient: to };
    const obstacle = this.#obstacleTo(to, action);
    if (obstacle !== undefined) return tell('notificationLost', { ...about, problem: obstacle });
    try {
      const { own, body } = await this.#make(notice, to, [first, ...rest]);
      const stored = await queue.submit(own, body);
      if (stored === 'full' || stored === 'failed') tell('notificationLost', { ...about, problem: `the spool is ${stored}` });
      else tell('notified', { id: stored, ...about });
    } catch (error) {
      // Whatever it was, what has been delivered must be written down: else it would be delivered again.
      tell('notificationLost', { ...about, problem: problemOf(error) });
    }
  }

  /** Logs a notification of this relay that failed: somebody was to hear of a message, and does not. */
  #endsHere({ id, device, action, outcomes }: Notice): void {
    if (device !== OWN_DEVICE || action !== 'failed') return;
    for (const outcome of outcomes)
      if ('failure' in outcome)
        this.#parts.tell('notificationLost', { id, recipient: outcome.recipient.forwardPath, problem: describeFailure(outcome.failure) });
  }

  /** Why no notification goes there, if so: it is mail like any other, and goes where mail may go. */
  #obstacleTo(to: Mailbox, action: Action): string | undefined {
    const { clock, settings } = this.#parts;
    if (to !== settings.bounceTo && to !== settings.recipient && !settings.mayNotify(to))
      return 'mail may not go there (GATEPOST_ALLOW_RECIPIENTS); GATEPOST_BOUNCE_TO names who is notified instead';
    const isAllowed = this.#allowance.take(clock.now(), action === 'failed' ? 0 : KEPT_FOR_FAILURES);
    return isAllowed ? undefined : 'too many notifications: 10 may leave at once, and 60 in an hour';
  }

  /** The notification, and the envelope it travels in. */
  async #make({ id, octets, envelope, action, triedFor }: Notice, to: Mailbox, reports: readonly [Report, ...Report[]]) {
    const { queue, wall, random, settings } = this.#parts;
    const { ret, smtpUtf8, envelopeId } = envelope.parameters;
    // Only the owner gets a device's message back in full: the sender that a device names may be anyone's address.
    const isOwner = settings.bounceTo !== undefined;
    const isFull = isOwner && ret === 'full' && action === 'failed' && smtpUtf8 !== true && octets <= LARGEST_RETURNED;
    const time = wall();
    const from = settings.sender ?? { localPart: 'MAILER-DAEMON', domain: settings.hostname };
    const body = await composeNotification({
      action,
      id,
      hostname: settings.hostname,
      from,
      to,
      reports,
      envelopeId,
      time,
      ...(triedFor === undefined ? {} : { triedUntil: (time + triedFor) as WallTime }),
      unique: random.bytes(12).toString('hex'),
      returned: isFull ? { what: 'full', octets: queue.body(id) } : { what: 'headers', octets: await readHeaderSection(queue.body(id)) },
    });
    const own: Envelope = {
      reversePath: null,
      recipients: [{ forwardPath: to, notify: 'never' }], // RFC 3461, section 6.2
      // The message that is returned may have 8-bit octets, whatever the device declared; an address beyond ASCII has
      // them.
      parameters: isFull || isInternational(from) || isInternational(to) ? { body: '8BITMIME' } : {},
    };
    return { own, body };
  }
}

// RET=FULL returns messages up to this size: what was too large to deliver is too large to return (RFC 3461, section
// 4.3, permits that).
const LARGEST_RETURNED = 2 ** 20;

/** RFC 3461, section 4.1: without NOTIFY, the sender is notified of failures and delays, not of successes. */
function isWanted({ notify }: Recipient, action: Action): boolean {
  if (notify === undefined) return action !== 'relayed';
  if (notify === 'never') return false;
  return notify.includes(EVENT[action]);
}

const EVENT = { failed: 'failure', delayed: 'delay', relayed: 'success' } as const;

function reportOf(outcome: Notice['outcomes'][number], upstream: string): Report {
  const { recipient } = outcome;
  const remote = (reply: RemoteReply) => ({ name: hostOf(upstream), reply: describeReply(reply) });
  if ('reply' in outcome) {
    const { reply } = outcome;
    return { recipient, status: reply.status ?? '2.0.0', remote: remote(reply), remarks: [] };
  }
  const { failure, isExpired } = outcome;
  const { reply, problem, advice } = failure;
  const remarks = [isExpired === true ? 'It was tried for too long, and has been given up.' : undefined, problem, advice];
  // RFC 3463: X.4.7, delivery time expired; X.4.0, some trouble with the network.
  const unspoken = isExpired === true ? '4.4.7' : '4.4.0';
  return {
    recipient,
    status: reply === undefined ? unspoken : (reply.status ?? `${Math.trunc(reply.code / 100)}.0.0`),
    // Where the relay has words of its own, the reply is part of them.
    ...(reply === undefined || problem !== undefined ? {} : { remote: remote(reply) }),
    remarks: remarks.filter((remark) => remark !== undefined),
  };
}

/** An upstream's name without its port. */
const hostOf = (name: string) => name.replace(/:\d+$/, '');
