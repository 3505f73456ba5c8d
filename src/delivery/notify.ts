// Who is told what became of a message (RFC 3461): which recipients a notification is wanted for, to whom
// it goes, and the notification put into the spool like any other message. A notification has the null
// reverse-path, and nothing with a null reverse-path is ever answered, so none can go round.

import { type Action, composeNotification, type Report } from '../message/dsn.ts';
import { readHeaderSection } from '../message/header.ts';
import { isInternational, type Mailbox } from '../smtp/address.ts';
import type { Envelope, Recipient } from '../smtp/envelope.ts';
import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { Clock, WallTime } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import type { Failure } from '../vocabulary/attempt.ts';
import type { Tell } from '../vocabulary/events.ts';
import type { QueueId } from '../vocabulary/queue-id.ts';
import { type Rate, TokenBucket } from '../vocabulary/rate.ts';
import type { Queue } from './queue.ts';

export type NotifySettings = {
  readonly hostname: string;
  /** Where all notifications go; else to the reverse-path, if mail may go there. */
  readonly bounceTo: Mailbox | undefined;
  /** Where all mail goes, notifications too. */
  readonly recipient: Mailbox | undefined;
  /** Whether mail may go to that address, which a device has named. */
  readonly mayBeTold: (address: Mailbox) => boolean;
  /** Whose name stands in From; else MAILER-DAEMON of this host. */
  readonly sender: Mailbox | undefined;
};

/** What is to be told of one recipient. */
export type News =
  | { readonly recipient: Recipient; readonly reply: RemoteReply }
  | { readonly recipient: Recipient; readonly failure: Failure; readonly isExpired?: true };

/** What a notification is about. */
export type Subject = {
  readonly id: QueueId;
  readonly octets: number;
  readonly envelope: Envelope;
  /** How long it is still tried, in ms. */
  readonly triedFor?: number;
};

export interface Notifier {
  /** Tells the sender, if he wants to know; resolves once the notification is on the flash; never rejects. `upstream`: who said it. */
  notify(subject: Subject, action: Action, news: readonly News[], upstream: string): Promise<void>;
}

export type NotifyParts = {
  readonly queue: Queue;
  /** The date as it is written into messages. */
  readonly wall: () => WallTime;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly tell: Tell;
  readonly settings: NotifySettings;
};

// A device that sends what can't be delivered, over and over, must not fill the owner's mailbox, nor use up the account.
const MOST: Rate = { count: 60, per: 3_600_000 };

export function createNotifier({ queue, wall, clock, random, tell, settings }: NotifyParts): Notifier {
  // Apart, so that what a device asked to be told of does not use up what the owner must hear.
  const allowance = { failed: new TokenBucket(MOST, clock.now()), others: new TokenBucket(MOST, clock.now()) };

  /** The notification, and the envelope it travels in. */
  async function make({ id, octets, envelope, triedFor }: Subject, action: Action, to: Mailbox, reports: readonly [Report, ...Report[]]) {
    const { ret, smtpUtf8 } = envelope.parameters;
    // Nobody but the owner gets a device's message back whole: who is named as its sender may be anybody.
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
      envelopeId: envelope.parameters.envelopeId,
      time,
      ...(triedFor === undefined ? {} : { triedUntil: (time + triedFor) as WallTime }),
      unique: random.bytes(12).toString('hex'),
      returned: isFull ? { what: 'full', octets: queue.body(id) } : { what: 'headers', octets: await readHeaderSection(queue.body(id)) },
    });
    const own: Envelope = {
      reversePath: null,
      recipients: [{ forwardPath: to, notify: 'never' }], // RFC 3461, section 6.2
      // Whatever the device declared: what is returned as it came may hold 8 bits, and so does an address beyond ASCII.
      parameters: isFull || isInternational(from) || isInternational(to) ? { body: '8BITMIME' } : {},
    };
    return { own, body };
  }

  /** Why nobody is told, if so: a notification is mail like any other, and goes where mail may go. */
  function obstacleTo(to: Mailbox, action: Action): string | undefined {
    if (to !== settings.bounceTo && to !== settings.recipient && !settings.mayBeTold(to))
      return 'mail may not go there (GATEPOST_ALLOW_RECIPIENTS); GATEPOST_BOUNCE_TO names who is told instead';
    const { failed, others } = allowance;
    return (action === 'failed' ? failed : others).take(clock.now()) ? undefined : `more than ${MOST.count} notifications in an hour`;
  }

  return {
    async notify(subject, action, news, upstream) {
      const { id, envelope } = subject;
      const [first, ...rest] = news.filter(({ recipient }) => isWanted(recipient, action)).map((one) => reportOf(one, upstream));
      if (first === undefined) return;
      // Never a bounce for a bounce (RFC 5321, section 6.1); an address without a domain leads nowhere.
      if (envelope.reversePath === null) return;
      const to = settings.bounceTo ?? settings.recipient ?? envelope.reversePath;
      if (to.domain === '') return;
      const about = { about: id, action, recipient: to };
      const obstacle = obstacleTo(to, action);
      if (obstacle !== undefined) return tell('notificationLost', { ...about, problem: obstacle });
      try {
        const { own, body } = await make(subject, action, to, [first, ...rest]);
        const stored = await queue.submit(own, body);
        if (stored === 'full' || stored === 'failed') tell('notificationLost', { ...about, problem: `the spool is ${stored}` });
        else tell('notified', { id: stored, ...about });
      } catch (error) {
        // Whatever it was, what has been delivered must be written down: else it would be delivered again.
        tell('notificationLost', { ...about, problem: (error as Error).message });
      }
    },
  };
}

// RET=FULL returns messages up to this size: what was too large to deliver is too large to return (RFC 3461, section 4.3, lets it be).
const LARGEST_RETURNED = 2 ** 20;

/** RFC 3461, section 4.1: without NOTIFY, failures and delays are told, successes are not. */
function isWanted({ notify }: Recipient, action: Action): boolean {
  if (notify === undefined) return action !== 'relayed';
  if (notify === 'never') return false;
  return notify.includes(EVENT[action]);
}

const EVENT = { failed: 'failure', delayed: 'delay', relayed: 'success' } as const;

function reportOf(news: News, upstream: string): Report {
  const { recipient } = news;
  if ('reply' in news)
    return {
      recipient,
      status: news.reply.status ?? '2.0.0',
      remote: { name: hostOf(upstream), reply: describeReply(news.reply) },
      remarks: [],
    };
  const { failure, isExpired } = news;
  const { reply } = failure;
  // A problem is in our own words, also where a reply is part of it.
  const problem = 'problem' in failure ? failure.problem : undefined;
  const remarks = [isExpired === true ? 'It was tried for too long, and has been given up.' : undefined, problem, failure.advice];
  // RFC 3463: X.4.7, delivery time expired; X.4.0, some trouble with the network.
  const unspoken = isExpired === true ? '4.4.7' : '4.4.0';
  return {
    recipient,
    status: reply === undefined ? unspoken : (reply.status ?? `${Math.trunc(reply.code / 100)}.0.0`),
    ...(reply === undefined || problem !== undefined ? {} : { remote: { name: hostOf(upstream), reply: describeReply(reply) } }),
    remarks: remarks.filter((remark) => remark !== undefined),
  };
}

/** An upstream's name without its port. */
const hostOf = (name: string) => name.replace(/:\d+$/, '');
