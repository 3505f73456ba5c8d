// The AUTH exchange (RFC 4954, section 4): sends challenges and reads responses, for any mechanism. Whether the claim
// at its end is true is not decided here.

import { formatReply, type Refusal } from '../smtp/reply.ts';
import type { Claim } from '../smtp/sasl/mechanism.ts';
import type { ServerMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Wire } from '../system/wire.ts';
import { LIMITS } from './limits.ts';
import * as replies from './replies.ts';

/** One exchange that AUTH has begun. */
export type Exchange = {
  readonly mechanism: ServerMechanism;
  /** As it stood in the command, in base64. */
  readonly initialResponse: string | undefined;
  /** Octets that never repeat. */
  readonly challenge: () => Buffer;
  /**
   * Accepts whatever comes, since every claim counts as true: the strictness of RFC 4616 and 4954 would only keep old
   * devices out.
   */
  readonly isLenient: boolean;
};

// Stands for a claim whose name may be a password.
const SOMEBODY: Claim = { kind: 'password', username: '', password: '' };

/**
 * The device's claim, or what to refuse it with; of a lenient exchange that was not well-formed, a claim without a
 * name. Rejects with ConnectionLost when the device goes or takes too long.
 */
export async function exchange(wire: Wire, { mechanism, initialResponse, challenge, isLenient }: Exchange): Promise<Claim | Refusal> {
  const sasl = mechanism.start(challenge);
  let isWellFormed = true;
  let next = sasl.next();
  let text = initialResponse === '=' ? '' : initialResponse; // the empty one can't be written in another way
  for (;;) {
    if (next.done === true) return isLenient ? lenientClaim(next.value, isWellFormed) : (next.value ?? replies.badResponse);
    const answer = text ?? (await ask(wire, next.value));
    text = undefined;
    if (typeof answer !== 'string') return answer;
    const octets = Buffer.from(answer, 'base64'); // Node's decoder skips anything that is not base64
    if (octets.toString('base64') !== answer) isWellFormed = false;
    if (!isWellFormed && !isLenient) return replies.badResponse;
    next = sasl.next(octets);
  }
}

/** The response in base64, or what the exchange ends with. */
async function ask(wire: Wire, challenge: Buffer): Promise<string | Refusal> {
  wire.queue(formatReply(replies.challenge(challenge.toString('base64'))));
  const answer = await wire.line(LIMITS.authResponse, LIMITS.commandTimeout);
  if (answer === 'too-long') return replies.authTooLong;
  const text = Buffer.from(answer.octets).toString('latin1').trim();
  return text === '*' ? replies.authCancelled : text;
}

/**
 * The name is logged, so it is kept only where it can't be a password: the exchange went as RFC 4616 and 4954 have it,
 * there was another text as the password and none in the place of a second name, and the name does not hold both.
 */
function lenientClaim(claim: Claim | undefined, isWellFormed: boolean): Claim {
  if (claim === undefined || !isWellFormed) return SOMEBODY;
  const isUsual =
    claim.kind === 'cram-md5' || (claim.actingFor === undefined && claim.password !== '' && claim.password !== claim.username);
  return isUsual && !/[\0:\s]/.test(claim.username) ? claim : SOMEBODY;
}
