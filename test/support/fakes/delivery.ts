// Delivery by itself: a queue in memory, upstreams that answer as the test says, and a clock that the test moves.

// Loaded beforehand: the notifier loads it when it needs it, and a fake clock does not wait for a disk.
import 'nodemailer/lib/mime-node';
import type { Carrier, Queue } from '../../../src/delivery/queue.ts';
import { Scheduler, type SchedulerSettings } from '../../../src/delivery/scheduler.ts';
import { isSameMailbox } from '../../../src/smtp/address.ts';
import type { Envelope, Recipient } from '../../../src/smtp/envelope.ts';
import type { Monotonic } from '../../../src/system/clock.ts';
import type { Attempt, MessageFailure, Outcome, Stage, UpstreamFailure } from '../../../src/vocabulary/attempt.ts';
import type { QueueId } from '../../../src/vocabulary/queue-id.ts';
import type { QueuedMessage } from '../../../src/vocabulary/queued-message.ts';
import { configOf } from '../config.ts';
import { fakeClock } from './clock.ts';
import { collectNews } from './news.ts';
import { seededRandom } from './random.ts';

export const recipient = (localPart: string): Recipient => ({ forwardPath: { localPart, domain: 'example.org' } });

export const reply = (code: number) => ({ code, lines: ['x'] as const });

/** A refusal of one recipient. */
export const refusal = (code: number, more: Partial<MessageFailure> = {}): MessageFailure => ({
  scope: 'message',
  stage: 'rcpt',
  cause: 'message',
  reply: reply(code),
  ...more,
});
export const delivered: Outcome = { outcome: 'delivered', reply: reply(250) };
export const deferred: Outcome = { outcome: 'deferred', failure: refusal(450) };
export const bounced: Outcome = { outcome: 'bounced', failure: refusal(550) };
/** The account may send no more for now. */
export const throttled: Outcome = {
  outcome: 'deferred',
  failure: { scope: 'message', stage: 'mail', cause: 'throttled', reply: { code: 451, status: '4.7.1', lines: ['4.7.1 slower'] } },
};

export const answered = (first: Outcome, ...rest: Outcome[]): Extract<Attempt, { result: 'answered' }> => ({
  result: 'answered',
  outcomes: [first, ...rest],
  notifies: false,
});

export const upstreamFailure = (
  stage: Stage = 'connect',
  cause: UpstreamFailure['cause'] = 'plain',
  problem = 'unreachable',
): UpstreamFailure => ({
  scope: 'upstream',
  stage,
  cause,
  problem,
});
export const unavailable = (stage?: Stage, cause?: UpstreamFailure['cause'], problem?: string): Attempt => ({
  result: 'no-answer',
  maybeDelivered: false,
  failure: upstreamFailure(stage, cause, problem),
});

/** A message as the spool gives it. */
export const queued = (id: string, more: Partial<QueuedMessage> = {}): QueuedMessage => ({
  id: id as QueueId,
  octets: 1,
  device: 'cam',
  arrived: 0 as Monotonic,
  attempts: 0,
  warned: false,
  ...more,
});

export const envelopeTo = (...recipients: readonly [Recipient, ...Recipient[]]): Envelope => ({
  reversePath: { localPart: 'cam', domain: 'lan.example' },
  recipients,
  parameters: {},
});

type Kept = { readonly envelope: Envelope; readonly body: Buffer; waiting: readonly Recipient[] };

const BODY = Buffer.from('Subject: door\r\nFrom: cam\r\n\r\nbody\r\n');

/** What the spool is to delivery, without a flash; passes test/contracts/queue.ts. */
export class MemoryQueue implements Queue {
  /** What devices have sent, by id; the relay's own messages are in `submitted` alone. */
  readonly messages = new Map<QueueId, Kept>();
  readonly submitted: { readonly envelope: Envelope; readonly text: string }[] = [];
  readonly records: { readonly id: string; readonly settled: readonly string[]; readonly attempts: number; readonly warned: boolean }[] =
    [];
  readonly #own = new Map<QueueId, Kept>();
  readonly #submits: 'stores' | 'full' | 'throws';

  constructor(submits: 'stores' | 'full' | 'throws' = 'stores') {
    this.#submits = submits;
  }

  put(id: string, envelope: Envelope, body: Buffer = BODY): void {
    this.messages.set(id as QueueId, { envelope, body, waiting: envelope.recipients });
  }

  async envelope(id: QueueId): Promise<Envelope> {
    const { envelope, waiting } = this.#kept(id);
    const [first, ...rest] = waiting;
    if (first === undefined) throw new Error(`message ${id} has no recipient left`);
    return { ...envelope, recipients: [first, ...rest] };
  }

  async *body(id: QueueId): AsyncIterable<Uint8Array> {
    yield this.#kept(id).body;
  }

  async record(id: QueueId, settled: readonly Recipient[], { attempts, warned }: { attempts: number; warned: boolean }): Promise<void> {
    this.records.push({ id, settled: settled.map(({ forwardPath }) => forwardPath.localPart), attempts, warned });
    const kept = this.#kept(id);
    kept.waiting = kept.waiting.filter((one) => !settled.some(({ forwardPath }) => isSameMailbox(one.forwardPath, forwardPath)));
  }

  remove(id: QueueId): void {
    this.#kept(id);
    this.messages.delete(id);
    this.#own.delete(id);
  }

  async submit(envelope: Envelope, body: AsyncIterable<Uint8Array>): Promise<QueueId | 'full'> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    this.submitted.push({ envelope, text: Buffer.concat(chunks).toString() });
    if (this.#submits === 'throws') throw new Error('no such luck');
    if (this.#submits === 'full') return 'full';
    const id = `DSN${this.submitted.length}` as QueueId;
    this.#own.set(id, { envelope, body: Buffer.concat(chunks), waiting: envelope.recipients });
    return id;
  }

  #kept(id: QueueId): Kept {
    const kept = this.messages.get(id) ?? this.#own.get(id);
    if (kept === undefined) throw new Error(`message ${id} is not here`);
    return kept;
  }
}

const { delivery, upstream, rewriting } = configOf();

/** The defaults of the variables, but a message expires after a day; everything may be delivered and notified. */
export const SETTINGS: SchedulerSettings = {
  ...delivery,
  expireAfter: 86_400_000,
  connections: 1,
  rate: upstream.rate,
  hostname: 'gate.example',
  sender: rewriting.sender,
  recipient: rewriting.recipient,
  mayNotify: () => true,
};

export type DeliveryOptions = {
  readonly carriers?: readonly string[];
  readonly recipients?: readonly (string | Recipient)[];
  readonly settings?: Partial<SchedulerSettings>;
};

/**
 * A scheduler that has started. `respond` is asked for each attempt: the message's id, how many attempts there were,
 * the upstream.
 */
export function startDelivery(
  respond: (id: string, count: number, carrier: string) => Attempt | Promise<Attempt>,
  { carriers: names = ['up'], recipients = ['you'], settings = {} }: DeliveryOptions = {},
) {
  const clock = fakeClock();
  const news = collectNews();
  const queue = new MemoryQueue();
  const sent: { id: string; at: number; carrier: string; to: string[] }[] = [];
  const carriers = names.map(
    (name): Carrier => ({
      name,
      async send({ envelope }) {
        const id = [...queue.messages].find(([, { waiting }]) => waiting[0] === envelope.recipients[0])?.[0] ?? '';
        sent.push({ id, at: clock.now(), carrier: name, to: envelope.recipients.map(({ forwardPath }) => forwardPath.localPart) });
        return respond(id, sent.length, name);
      },
    }),
  );
  const scheduler = new Scheduler({
    queue,
    carriers,
    clock,
    wall: () => clock.wall(),
    random: seededRandom(5),
    tell: news.tell,
    settings: { ...SETTINGS, ...settings },
  });
  const offer = (id: string, device = 'cam') => {
    // Objects of their own, so that a carrier knows by its recipient which message it was given.
    const [first = recipient('you'), ...rest] = recipients.map((one) => (typeof one === 'string' ? recipient(one) : { ...one }));
    queue.put(id, envelopeTo(first, ...rest));
    scheduler.offer(queued(id, { device, arrived: clock.now() }));
  };
  scheduler.start();
  return { clock, news, queue, messages: queue.messages, sent, scheduler, offer };
}
