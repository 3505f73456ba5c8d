// One message over an open connection: MAIL, RCPT..., DATA, the data, the dot (RFC 5321, section 3.3),
// pipelined when the server offers it (RFC 2920). What the upstream says of the message or a recipient
// is an outcome; everything else (421, silence, nonsense) is the upstream's sickness.

import { formatMailbox, formatPath } from '../smtp/address.ts';
import { dataEncoder } from '../smtp/data.ts';
import { type Envelope, needsSmtpUtf8 } from '../smtp/envelope.ts';
import type { Attempt, Failure, Outcome, Stage } from '../smtp/outcome.ts';
import { formatMailParameters, formatRcptParameters } from '../smtp/parameters.ts';
import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { Wire } from '../system/wire.ts';
import { type Connection, Failed, failingAt, readReply, WAIT } from './connect.ts';

export type Message = { readonly envelope: Envelope; readonly octets: number; readonly body: AsyncIterable<Uint8Array> };

/** `reusable`: the connection is ready for the next MAIL, after an RSET if `needsReset`. */
export type Transacted = { readonly attempt: Attempt; readonly reusable: 'yes' | 'after-reset' | 'no' };

/** Hands the message over. Rejects only if `body` does. */
export async function transact(connection: Connection, message: Message): Promise<Transacted> {
  const tooMuch = refuseBeforehand(connection, message);
  if (tooMuch !== undefined) return { attempt: everyRecipient(message.envelope, tooMuch), reusable: 'yes' };
  const progress: Progress = { dotSent: false };
  try {
    return await exchange(connection, message, progress);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    // RFC 1047: between the dot and its reply nobody knows whether the message was taken.
    return { attempt: { result: 'no-answer', failure: error.failure, maybeDelivered: progress.dotSent }, reusable: 'no' };
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
  const isBinary = envelope.parameters.body === 'BINARYMIME';
  if (isPipelined) for (const line of [mailLine, ...rcptLines, ...(isBinary ? [] : ['DATA'])]) send(line);
  const ask = async (line: string, stage: Stage, within: number) => {
    if (!isPipelined) send(line);
    return readReply(wire, stage, within);
  };

  const mail = verdict('mail', await ask(mailLine, 'mail', WAIT.mail));
  if (mail.refused && !isPipelined) return { attempt: everyRecipient(envelope, mail.failure), reusable: 'after-reset' };
  const rcpts: Verdict[] = [];
  for (const line of rcptLines) rcpts.push(verdict('rcpt', await ask(line, 'rcpt', WAIT.rcpt)));
  const isWanted = !mail.refused && rcpts.some((rcpt) => !rcpt.refused);
  if (!isWanted && (!isPipelined || isBinary)) return { attempt: answered(rcpts, mail), reusable: 'after-reset' };

  if (isBinary) {
    await sendChunk(wire, octets, body, progress);
    return { attempt: answered(rcpts, verdict('end-of-data', await readReply(wire, 'end-of-data', WAIT.endOfData))), reusable: 'yes' };
  }

  const data = await ask('DATA', 'data', WAIT.data);
  if (!isWanted) {
    // DATA was sent on the off chance. A server that takes it all the same is sent nothing but the dot.
    if (data.code === 354) {
      await failingAt('end-of-data', wire.write([Buffer.from('.\r\n')], WAIT.block));
      await readReply(wire, 'end-of-data', WAIT.endOfData);
    }
    return { attempt: answered(rcpts, mail), reusable: 'after-reset' };
  }
  if (data.code !== 354) {
    const refused = verdict('data', data);
    if (!refused.refused) throw new Failed('data', `an odd answer to DATA: ${describeReply(data)}`, data);
    return { attempt: answered(rcpts, refused), reusable: 'after-reset' };
  }

  await sendBody(wire, body, progress);
  const final = verdict('end-of-data', await readReply(wire, 'end-of-data', WAIT.endOfData));
  return { attempt: answered(rcpts, final), reusable: 'yes' };
}

async function sendBody(wire: Wire, body: AsyncIterable<Uint8Array>, progress: Progress): Promise<void> {
  const encoder = dataEncoder();
  for await (const chunk of body) await failingAt('body', wire.write(encoder.encode(chunk), WAIT.block));
  progress.dotSent = true;
  await failingAt('end-of-data', wire.write([encoder.end()], WAIT.block));
}

/** RFC 3030: the whole body as one chunk, octet for octet. */
async function sendChunk(wire: Wire, octets: number, body: AsyncIterable<Uint8Array>, progress: Progress): Promise<void> {
  wire.queue(Buffer.from(`BDAT ${octets} LAST\r\n`));
  for await (const chunk of body) await failingAt('body', wire.write([chunk], WAIT.block));
  progress.dotSent = true;
}

type Verdict = { readonly refused: false; readonly reply: RemoteReply } | { readonly refused: true; readonly failure: Failure };

// "Authentication required" and its kin are about the session, whatever command they answer.
const ABOUT_THE_SESSION = new Set([421, 530, 534, 535, 538]);

/** What a reply says of the message; throws Failed when it speaks of the upstream itself. */
function verdict(stage: 'mail' | 'rcpt' | 'data' | 'end-of-data', reply: RemoteReply): Verdict {
  if (ABOUT_THE_SESSION.has(reply.code)) throw new Failed(reply.code === 421 ? stage : 'auth', describeReply(reply), reply);
  if (reply.code >= 400)
    return { refused: true, failure: stage === 'rcpt' ? { scope: 'recipient', stage, reply } : { scope: 'message', stage, reply } };
  if (reply.code >= 300) throw new Failed(stage, `an odd answer: ${describeReply(reply)}`, reply);
  return { refused: false, reply };
}

function toOutcome(verdictOfOne: Verdict): Outcome {
  if (!verdictOfOne.refused) return { outcome: 'delivered', reply: verdictOfOne.reply };
  const { failure } = verdictOfOne;
  return { outcome: failure.scope !== 'upstream' && failure.reply.code >= 500 ? 'bounced' : 'deferred', failure };
}

/** A recipient that was refused keeps its own refusal; all others share what became of the message. */
function answered(rcpts: readonly Verdict[], ofMessage: Verdict): Attempt {
  const [first, ...rest] = rcpts.map((rcpt) => toOutcome(rcpt.refused ? rcpt : ofMessage));
  if (first === undefined) throw new Error('an envelope without recipients');
  return { result: 'answered', outcomes: [first, ...rest] };
}

function everyRecipient(envelope: Envelope, failure: Failure): Attempt {
  const refused: Verdict = { refused: true, failure };
  return answered(
    envelope.recipients.map(() => refused),
    refused,
  );
}
