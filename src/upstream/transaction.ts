// One message over an open connection: MAIL, RCPT..., then DATA, the data and the dot (RFC 5321, section
// 3.3), or BDAT where the server knows it (RFC 3030), pipelined when the server offers that (RFC 2920).
// What the upstream says of the message or a recipient is an outcome; everything else (421, silence,
// nonsense) is the upstream's sickness.

import { formatMailbox, formatPath } from '../smtp/address.ts';
import { DataEncoder } from '../smtp/data-encoder.ts';
import { type Envelope, needsSmtpUtf8 } from '../smtp/envelope.ts';
import { formatMailParameters, formatRcptParameters } from '../smtp/parameters.ts';
import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { Wire } from '../system/wire.ts';
import { type Attempt, type Failure, type Outcome, QUOTA_OF_THE_DAY, type Stage } from '../vocabulary/attempt.ts';
import type { Connection } from './connect.ts';
import { failingAt, readReply, UpstreamFailed, WAIT } from './dialogue.ts';
import { explained } from './explain.ts';

export type Message = { readonly envelope: Envelope; readonly octets: number; readonly body: AsyncIterable<Uint8Array> };

/**
 * `reusable`: the connection is ready for the next MAIL, after an RSET perhaps. `refusesChunks`: the server
 * offered CHUNKING and doesn't know BDAT.
 */
export type Transacted = { readonly attempt: Attempt; readonly reusable: 'yes' | 'after-reset' | 'no'; readonly refusesChunks?: true };

/** Hands the message over. Rejects only if `body` does. */
export async function transact(connection: Connection, message: Message): Promise<Transacted> {
  const tooMuch = refuseBeforehand(connection, message);
  const { capabilities } = connection;
  if (tooMuch !== undefined) return { attempt: everyRecipient(message.envelope, explained(tooMuch), capabilities), reusable: 'yes' };
  const progress: Progress = { dotSent: false };
  try {
    return await exchange(connection, message, progress);
  } catch (error) {
    if (!(error instanceof UpstreamFailed)) throw error;
    // RFC 1047: between the dot and its reply nobody knows whether the message was taken.
    const attempt: Attempt = { result: 'no-answer', failure: explained(error.failure), maybeDelivered: progress.dotSent };
    return { attempt, reusable: 'no', ...(error instanceof ChunksRefused ? { refusesChunks: true } : {}) };
  }
}

type Progress = { dotSent: boolean };

/** What can be known to fail is not sent. */
function refuseBeforehand({ capabilities }: Connection, { envelope, octets }: Message): Failure | undefined {
  if (capabilities.sizeLimit !== undefined && octets > capabilities.sizeLimit) {
    const problem = `the message has ${octets} octets, the upstream takes ${capabilities.sizeLimit}`;
    return { scope: 'message', stage: 'mail', problem, reply: { code: 552, status: '5.3.4', lines: [problem] } };
  }
  if (needsSmtpUtf8(envelope) && !capabilities.smtpUtf8) {
    const problem = 'the message needs SMTPUTF8, which the upstream does not offer';
    return { scope: 'message', stage: 'mail', problem, reply: { code: 550, status: '5.6.7', lines: [problem] } };
  }
  if (envelope.parameters.body === 'BINARYMIME' && !(capabilities.binaryMime && capabilities.chunking)) {
    const problem = 'the message is BINARYMIME, which the upstream does not offer';
    return { scope: 'message', stage: 'mail', problem, reply: { code: 554, status: '5.6.3', lines: [problem] } };
  }
  return undefined;
}

async function exchange(connection: Connection, message: Message, progress: Progress): Promise<Transacted> {
  const { wire, capabilities } = connection;
  const { envelope, octets, body } = message;
  const mailLine = `MAIL FROM:${formatPath(envelope.reversePath)}${formatMailParameters(envelope.parameters, octets, needsSmtpUtf8(envelope), capabilities)}`;
  const rcptLines = envelope.recipients.map(
    (recipient) => `RCPT TO:<${formatMailbox(recipient.forwardPath)}>${formatRcptParameters(recipient, capabilities)}`,
  );
  const send = (line: string) => wire.queue(Buffer.from(`${line}\r\n`));
  const isPipelined = capabilities.pipelining;
  const inChunks = capabilities.chunking;
  if (isPipelined) for (const line of [mailLine, ...rcptLines, ...(inChunks ? [] : ['DATA'])]) send(line);
  const ask = async (line: string, stage: Stage, within: number) => {
    if (!isPipelined) send(line);
    return readReply(wire, stage, within);
  };

  const mail = verdict('mail', await ask(mailLine, 'mail', WAIT.mail));
  if (mail.refused && !isPipelined) return { attempt: everyRecipient(envelope, mail.failure, capabilities), reusable: 'after-reset' };
  const rcpts: Verdict[] = [];
  for (const line of rcptLines) rcpts.push(verdict('rcpt', await ask(line, 'rcpt', WAIT.rcpt)));
  const isWanted = !mail.refused && rcpts.some((rcpt) => !rcpt.refused);
  // After a refused MAIL the refusals of RCPT only say "MAIL first".
  const attempt = (ofMessage: Verdict) => answered(mail.refused ? rcpts.map(() => mail) : rcpts, ofMessage, capabilities);
  if (!isWanted && (!isPipelined || inChunks)) return { attempt: attempt(mail), reusable: 'after-reset' };

  if (inChunks) {
    // The whole message as one chunk, once somebody is known to want it: nothing to stuff, and a server
    // that gets half of it can't take that for the whole.
    wire.queue(Buffer.from(`BDAT ${octets} LAST\r\n`));
    let left = octets;
    const early = await sendBody(wire, body, (chunk) => {
      left -= chunk.length;
      progress.dotSent = left <= 0; // once the last octet is on its way it may be taken
      return [chunk];
    });
    const reply = early ?? (await readReply(wire, 'end-of-data', WAIT.endOfData));
    if (isUnknownCommand(reply)) throw new ChunksRefused('data', `CHUNKING is offered, but: ${describeReply(reply)}`, { reply });
    return { attempt: attempt(verdict('end-of-data', reply)), reusable: early === undefined ? 'yes' : 'no' };
  }

  const data = await ask('DATA', 'data', WAIT.data);
  if (data.code < 300) throw new UpstreamFailed('data', `an odd answer to DATA: ${describeReply(data)}`, { reply: data }); // replies out of step
  if (!isWanted) {
    // DATA was sent on the off chance. A server that takes it all the same is sent nothing but the dot.
    if (data.code === 354) {
      await failingAt('end-of-data', wire.write([Buffer.from('.\r\n')], WAIT.block));
      await readReply(wire, 'end-of-data', WAIT.endOfData);
    }
    return { attempt: attempt(mail), reusable: 'after-reset' };
  }
  if (data.code !== 354) return { attempt: attempt(verdict('data', data)), reusable: 'after-reset' };

  const encoder = new DataEncoder();
  const early = await sendBody(wire, body, (chunk) => encoder.encode(chunk));
  if (early !== undefined) return { attempt: attempt(verdict('end-of-data', early)), reusable: 'no' };
  progress.dotSent = true;
  await failingAt('end-of-data', wire.write([encoder.end()], WAIT.block));
  const final = verdict('end-of-data', await readReply(wire, 'end-of-data', WAIT.endOfData));
  return { attempt: attempt(final), reusable: 'yes' };
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

class ChunksRefused extends UpstreamFailed {}

/** RFC 5321, section 4.2.4: what a server says to a command that it doesn't know, or not here. */
const isUnknownCommand = ({ code }: RemoteReply) => code >= 500 && code <= 504;

type Verdict = { readonly refused: false; readonly reply: RemoteReply } | { readonly refused: true; readonly failure: Failure };

// "Authentication required" and its kin are about the session, whatever command they answer.
const ABOUT_THE_SESSION = new Set([421, 530, 534, 535, 538]);

/** What a reply says of the message; throws UpstreamFailed when it speaks of the upstream itself. */
function verdict(stage: 'mail' | 'rcpt' | 'data' | 'end-of-data', reply: RemoteReply): Verdict {
  if (ABOUT_THE_SESSION.has(reply.code)) throw new UpstreamFailed(reply.code === 421 ? stage : 'auth', describeReply(reply), { reply });
  if (reply.code >= 400) {
    const failure: Failure = stage === 'rcpt' ? { scope: 'recipient', stage, reply } : { scope: 'message', stage, reply };
    return { refused: true, failure: explained(failure) };
  }
  if (reply.code >= 300) throw new UpstreamFailed(stage, `an odd answer: ${describeReply(reply)}`, { reply });
  return { refused: false, reply };
}

function toOutcome(verdictOfOne: Verdict): Outcome {
  if (!verdictOfOne.refused) return { outcome: 'delivered', reply: verdictOfOne.reply };
  const { failure } = verdictOfOne;
  return { outcome: failure.scope !== 'upstream' && isForGood(failure) ? 'bounced' : 'deferred', failure };
}

function isForGood({ scope, reply }: Exclude<Failure, { scope: 'upstream' }>): boolean {
  if (reply.code < 500 || reply.status === QUOTA_OF_THE_DAY) return false;
  // RFC 5321, section 4.5.3.1.10: 552 is how old servers say "too many recipients"; the rest of them goes next time.
  const isTooMany = scope === 'recipient' && reply.code === 552 && (reply.status === undefined || reply.status === '5.5.3');
  return !isTooMany;
}

/** A recipient that was refused keeps its own refusal; all others share what became of the message. */
function answered(rcpts: readonly Verdict[], ofMessage: Verdict, { dsn }: { readonly dsn: boolean }): Attempt {
  const [first, ...rest] = rcpts.map((rcpt) => toOutcome(rcpt.refused ? rcpt : ofMessage));
  if (first === undefined) throw new Error('an envelope without recipients');
  return { result: 'answered', outcomes: [first, ...rest], notifies: dsn };
}

function everyRecipient(envelope: Envelope, failure: Failure, capabilities: { readonly dsn: boolean }): Attempt {
  const refused: Verdict = { refused: true, failure };
  return answered(
    envelope.recipients.map(() => refused),
    refused,
    capabilities,
  );
}
