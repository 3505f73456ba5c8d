// The AUTH exchange (RFC 4954, section 4): challenges out, responses in, for any mechanism.

import { formatReply, type Reply } from '../smtp/reply.ts';
import type { Claim, ServerMechanism } from '../smtp/sasl.ts';
import type { Wire } from '../system/wire.ts';
import { LIMITS } from './limits.ts';
import * as replies from './replies.ts';

/** The device's claim, or what to refuse it with. */
export async function exchange(
  line: Wire,
  mechanism: ServerMechanism,
  initialResponse: string | undefined,
  challenge: () => Buffer,
): Promise<Claim | Reply> {
  const sasl = mechanism.start(challenge);
  let next = sasl.next();
  let response = initialResponse === undefined ? undefined : decodeInitial(initialResponse);
  if (initialResponse !== undefined && response === undefined) return replies.badResponse;
  for (;;) {
    if (next.done === true) return next.value ?? replies.badResponse;
    const answer = response ?? (await ask(line, next.value));
    response = undefined;
    if (!Buffer.isBuffer(answer)) return answer;
    next = sasl.next(answer);
  }
}

/** `=` is the empty initial response, which can't be written otherwise. */
const decodeInitial = (text: string) => (text === '=' ? Buffer.alloc(0) : decode(text));

async function ask(line: Wire, challenge: Buffer): Promise<Buffer | Reply> {
  line.queue(formatReply(replies.challenge(challenge.toString('base64'))));
  const answer = await line.line(LIMITS.authResponse, LIMITS.commandTimeout);
  if (answer === 'too-long') return replies.authTooLong;
  const text = Buffer.from(answer.octets).toString('latin1').trim();
  if (text === '*') return replies.authCancelled;
  return decode(text) ?? replies.badResponse;
}

/** Strict: Node's decoder would skip over anything that is not base64. */
function decode(text: string): Buffer | undefined {
  const octets = Buffer.from(text, 'base64');
  return octets.toString('base64') === text ? octets : undefined;
}
