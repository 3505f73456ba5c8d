// One message over an open connection: MAIL, RCPT..., then DATA, the data and the dot (RFC 5321, section
// 3.3), or BDAT where the server knows it (RFC 3030), pipelined when the server offers that (RFC 2920).
// What the upstream says about the message or a recipient is an outcome; what says nothing about them (421,
// silence, nonsense) is a failure of the upstream. verdict.ts decides which.

import { formatMailbox, formatPath } from '../smtp/address.ts';
import { DataEncoder } from '../smtp/data-encoder.ts';
import { type Envelope, needsSmtpUtf8 } from '../smtp/envelope.ts';
import { formatMailParameters, formatRcptParameters } from '../smtp/parameters.ts';
import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { Wire } from '../system/wire.ts';
import type { Attempt, Failure, Outcome, TransactionStage } from '../vocabulary/attempt.ts';
import { isOfUpstream } from '../vocabulary/cause.ts';
import { type Adapted, adapt, type Message, type RefusedOutcome } from './adapt.ts';
import type { Capabilities } from './capabilities.ts';
import type { Connection } from './connect.ts';
import { failingAt, readReply, UpstreamFailed, WAIT } from './dialogue.ts';
import { EXTENSIONS, type Extension } from './habits.ts';
import type { Context } from './refusals/row.ts';
import { judge } from './verdict.ts';

/**
 * `reusable`: the connection is ready for the next MAIL, after an RSET perhaps. `refusesChunks`: the server
 * offered CHUNKING and doesn't know BDAT.
 */
type Sending = { readonly attempt: Attempt; readonly reusable: 'yes' | 'after-reset' | 'no'; readonly refusesChunks?: true };

/** `breaksSignature`: the message had to be converted where a signature covers it. */
type Transacted = Sending & { readonly breaksSignature: boolean };

/** What the message itself was answered with. */
type Sent = { readonly outcome: Outcome; readonly reusable: Sending['reusable'] };

/**
 * `isComplete`: the upstream may have all of the message, and whether it was taken only its reply can tell (RFC 1047).
 */
type Progress = { isComplete: boolean };

/** The extensions that the message's transaction makes use of. */
export function extensionsInUse({ envelope }: Message, capabilities: Capabilities): ReadonlySet<Extension> {
  const { body, ret, envelopeId } = envelope.parameters;
  const hasDsn =
    ret !== undefined || envelopeId !== undefined || envelope.recipients.some((one) => formatRcptParameters(one, capabilities) !== '');
  const uses: Readonly<Record<Extension, boolean>> = {
    CHUNKING: capabilities.chunking,
    PIPELINING: capabilities.pipelining,
    '8BITMIME': capabilities.eightBitMime && body !== undefined && body !== '7BIT',
    SMTPUTF8: capabilities.smtpUtf8 && needsSmtpUtf8(envelope),
    DSN: capabilities.dsn && hasDsn,
    SIZE: capabilities.size,
  };
  return new Set(EXTENSIONS.filter((extension) => uses[extension]));
}

/** Hands the message over, converted where the upstream needs that. Rejects only if `body` does. */
export async function transact(connection: Connection, message: Message): Promise<Transacted> {
  const { message: adapted, refusals, breaksSignature } = await adapt(message, connection.capabilities);
  if (adapted === undefined) {
    const all = refusals.filter((one) => one !== undefined);
    return { attempt: answered(all, connection), reusable: 'yes', breaksSignature };
  }
  const transacted = await send(connection, adapted);
  return { ...transacted, attempt: withRefusals(transacted.attempt, refusals), breaksSignature };
}

async function send(connection: Connection, message: Message): Promise<Sending> {
  const progress: Progress = { isComplete: false };
  try {
    return await exchange(connection, message, progress);
  } catch (error) {
    if (error instanceof SessionEnded)
      return {
        attempt: answered(
          message.envelope.recipients.map(() => error.refusal),
          connection,
        ),
        reusable: 'no',
      };
    if (!(error instanceof UpstreamFailed)) throw error;
    const attempt: Attempt = { result: 'no-answer', failure: error.failure, maybeDelivered: progress.isComplete };
    return { attempt, reusable: 'no', ...(error instanceof ChunksRefused ? { refusesChunks: true } : {}) };
  }
}

/** The attempt with the outcomes of all recipients, those that were refused beforehand as well. */
function withRefusals(attempt: Attempt, refusals: Adapted['refusals']): Attempt {
  if (attempt.result === 'no-answer') return attempt;
  const outcomes = [...attempt.outcomes];
  const [first = attempt.outcomes[0], ...rest] = refusals.map((refusal) => refusal ?? outcomes.shift()).filter((one) => one !== undefined);
  return { ...attempt, outcomes: [first, ...rest] };
}

/**
 * Tries MAIL and RCPT without sending a message; what is answered to them. Nothing but RSET or QUIT may follow. Never
 * rejects for what the upstream does.
 */
export async function rehearse(connection: Connection, envelope: Envelope): Promise<Failure | undefined> {
  const capabilities = { ...connection.capabilities, pipelining: false };
  try {
    const [refusal] = await sendEnvelope({ ...connection, capabilities }, { envelope, octets: 1_000 });
    return refusal?.failure;
  } catch (error) {
    if (error instanceof SessionEnded) return error.refusal.failure;
    if (error instanceof UpstreamFailed) return error.failure;
    throw error;
  }
}

async function exchange(connection: Connection, message: Message, progress: Progress): Promise<Sending> {
  const { wire, capabilities } = connection;
  const rcpts = await sendEnvelope(connection, message);
  const refusals = rcpts.filter((one) => one !== undefined);
  if (refusals.length === rcpts.length) {
    if (isDataPipelined(capabilities)) await declineData(wire);
    return { attempt: answered(refusals, connection), reusable: 'after-reset' };
  }
  const { outcome, reusable } = await (capabilities.chunking ? sendChunk : sendData)(connection, message, progress);
  // A recipient that was refused keeps its own refusal; all others share what became of the message.
  const outcomes = rcpts.map((refusal) => refusal ?? outcome);
  return { attempt: answered(outcomes, connection), reusable };
}

/** DATA goes with the envelope; a chunk waits until a recipient is known to want the message. */
const isDataPipelined = ({ pipelining, chunking }: Capabilities): boolean => pipelining && !chunking;

/** Sends MAIL and RCPT, and DATA where it is pipelined; one refusal a recipient, undefined for one that was taken. */
async function sendEnvelope(connection: Connection, message: Omit<Message, 'body'>): Promise<(RefusedOutcome | undefined)[]> {
  const { wire, capabilities } = connection;
  const { envelope, octets } = message;
  const mailParameters = formatMailParameters(envelope.parameters, octets, needsSmtpUtf8(envelope), capabilities);
  const mailLine = `MAIL FROM:${formatPath(envelope.reversePath)}${mailParameters}`;
  const rcptParameters = envelope.recipients.map((recipient) => formatRcptParameters(recipient, capabilities));
  const rcptLines = envelope.recipients.map((recipient, at) => `RCPT TO:<${formatMailbox(recipient.forwardPath)}>${rcptParameters[at]}`);
  const { pipelining } = capabilities;
  if (pipelining) for (const line of [mailLine, ...rcptLines]) sendLine(wire, line);
  if (isDataPipelined(capabilities)) sendLine(wire, 'DATA');

  if (!pipelining) sendLine(wire, mailLine);
  const mail = refusalIn('mail', await readReply(wire, 'mail', WAIT.mail), contextOf(connection, message, mailParameters));
  if (mail !== undefined && !pipelining) return rcptLines.map(() => mail);
  const rcpts: (RefusedOutcome | undefined)[] = [];
  for (const [at, line] of rcptLines.entries()) {
    if (!pipelining) sendLine(wire, line);
    rcpts.push(refusalIn('rcpt', await readReply(wire, 'rcpt', WAIT.rcpt), contextOf(connection, message, rcptParameters[at])));
  }
  // After a refused MAIL the refusals of RCPT only say "MAIL first".
  return mail === undefined ? rcpts : rcpts.map(() => mail);
}

/**
 * DATA was pipelined, and no recipient was taken. A server that takes DATA all the same is sent nothing but the dot.
 */
async function declineData(wire: Wire): Promise<void> {
  const reply = await readReply(wire, 'data', WAIT.data);
  if (reply.code < 300) throw outOfStep('data', reply);
  if (reply.code !== 354) return;
  await failingAt('end-of-data', wire.write([Buffer.from('.\r\n')], WAIT.block));
  await readReply(wire, 'end-of-data', WAIT.endOfData);
}

/**
 * Sends the message as one chunk: nothing to stuff, and a server that gets half of it can't take that for the whole.
 */
async function sendChunk(connection: Connection, message: Message, progress: Progress): Promise<Sent> {
  const { wire } = connection;
  const { octets, body } = message;
  sendLine(wire, `BDAT ${octets} LAST`);
  let left = octets;
  const early = await sendBody(wire, body(), (chunk) => {
    left -= chunk.length;
    progress.isComplete = left <= 0; // once the last octet is on its way the message may be taken
    return [chunk];
  });
  const reply = early ?? (await readReply(wire, 'end-of-data', WAIT.endOfData));
  if (isUnknownCommand(reply)) {
    progress.isComplete = false; // it was not taken: the server does not know what was sent to it
    throw new ChunksRefused('data', `CHUNKING is offered, but: ${describeReply(reply)}`, { reply });
  }
  return { outcome: outcomeOf(reply, contextOf(connection, message)), reusable: early === undefined ? 'yes' : 'no' };
}

async function sendData(connection: Connection, message: Message, progress: Progress): Promise<Sent> {
  const { wire, capabilities } = connection;
  const context = contextOf(connection, message);
  if (!isDataPipelined(capabilities)) sendLine(wire, 'DATA');
  const data = await readReply(wire, 'data', WAIT.data);
  if (data.code !== 354) {
    const refusal = refusalIn('data', data, context);
    if (refusal === undefined) throw outOfStep('data', data);
    return { outcome: refusal, reusable: 'after-reset' };
  }
  const encoder = new DataEncoder();
  const early = await sendBody(wire, message.body(), (chunk) => encoder.encode(chunk));
  if (early !== undefined) return { outcome: outcomeOf(early, context), reusable: 'no' };
  progress.isComplete = true;
  await failingAt('end-of-data', wire.write([encoder.end()], WAIT.block));
  return { outcome: outcomeOf(await readReply(wire, 'end-of-data', WAIT.endOfData), context), reusable: 'yes' };
}

/**
 * Sends the message; slow when the upstream is. A server that has had enough may answer in the middle and
 * then hang up: that refusal is returned, since it says more than the lost connection that follows.
 */
async function sendBody(
  wire: Wire,
  body: AsyncIterable<Uint8Array>,
  encode: (chunk: Uint8Array) => readonly Uint8Array[],
): Promise<RemoteReply | undefined> {
  for await (const chunk of body) {
    if (wire.hasUnread()) {
      const early = await readReply(wire, 'body', WAIT.endOfData);
      if (early.code >= 400) return early;
      throw new UpstreamFailed('body', `an answer in the middle of the message: ${describeReply(early)}`, { reply: early });
    }
    await failingAt('body', wire.write(encode(chunk), WAIT.block));
  }
  return undefined;
}

const sendLine = (wire: Wire, line: string): void => wire.queue(Buffer.from(`${line}\r\n`));

class ChunksRefused extends UpstreamFailed {}

/** RFC 5321, section 4.2.4: what a server says to a command that it doesn't know, or not here. */
const isUnknownCommand = ({ code }: RemoteReply): boolean => code >= 500 && code <= 504;

/** The reply answers another command than the one that it came for. */
function outOfStep(stage: TransactionStage, reply: RemoteReply): UpstreamFailed {
  return new UpstreamFailed(stage, `an odd answer: ${describeReply(reply)}`, { reply });
}

/** RFC 5321, section 3.8: a 421 that speaks of the message ends the connection all the same. */
class SessionEnded extends Error {
  readonly refusal: RefusedOutcome;

  constructor(refusal: RefusedOutcome) {
    super(describeReply(refusal.failure.reply));
    this.refusal = refusal;
  }
}

/**
 * The refusal in a reply; undefined for a positive one. Throws UpstreamFailed when it says nothing about the message,
 * and SessionEnded when it does and no command may follow.
 */
function refusalIn(stage: TransactionStage, reply: RemoteReply, context: Context): RefusedOutcome | undefined {
  if (reply.code < 300) return undefined;
  if (reply.code < 400) throw outOfStep(stage, reply);
  const { cause, isFinal, advice } = judge(stage, reply, context);
  if (isOfUpstream(cause)) throw new UpstreamFailed(stage, describeReply(reply), { reply, context });
  const refusal: RefusedOutcome = { outcome: isFinal ? 'bounced' : 'deferred', failure: { scope: 'message', stage, reply, cause, advice } };
  if (reply.code === 421) throw new SessionEnded(refusal);
  return refusal;
}

/** What the meaning of replies to this message depends on; `parameters`: those of the command that is answered. */
function contextOf({ auth, isKept }: Connection, { envelope }: Pick<Message, 'envelope'>, parameters = ''): Context {
  return { hasAccount: auth !== 'none', isKept, isNullPath: envelope.reversePath === null, hasParameters: parameters !== '' };
}

/** What the reply to the whole message makes of it. */
const outcomeOf = (reply: RemoteReply, context: Context): Outcome =>
  refusalIn('end-of-data', reply, context) ?? { outcome: 'delivered', reply };

/** `outcomes`: one a recipient. */
function answered(outcomes: readonly Outcome[], { capabilities }: Connection): Attempt {
  const [first, ...rest] = outcomes;
  if (first === undefined) throw new Error('an envelope without recipients');
  return { result: 'answered', outcomes: [first, ...rest], notifies: capabilities.dsn };
}
