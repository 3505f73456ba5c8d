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

// Stands for a claim that could not be read. Nothing of what came is taken for the name, since it may be the password.
const SOMEBODY: Claim = { kind: 'password', username: '', password: '' };

/**
 * The device's claim, or what to refuse it with. Rejects with ConnectionLost when the device goes or takes too long.
 */
export async function exchange(wire: Wire, { mechanism, initialResponse, challenge, isLenient }: Exchange): Promise<Claim | Refusal> {
  const sasl = mechanism.start(challenge);
  const decode = isLenient ? decodeAnything : decodeStrictly;
  let next = sasl.next();
  let response = initialResponse === undefined ? undefined : decodeInitial(initialResponse, decode);
  if (initialResponse !== undefined && response === undefined) return replies.badResponse;
  for (;;) {
    if (next.done === true) return next.value ?? (isLenient ? SOMEBODY : replies.badResponse);
    const answer = response ?? (await ask(wire, next.value, decode));
    response = undefined;
    if (!Buffer.isBuffer(answer)) return answer;
    next = sasl.next(answer);
  }
}

type Decode = (text: string) => Buffer | undefined;

/** `=` is the empty initial response, which can't be written in another way. */
const decodeInitial = (text: string, decode: Decode) => (text === '=' ? Buffer.alloc(0) : decode(text));

async function ask(wire: Wire, challenge: Buffer, decode: Decode): Promise<Buffer | Refusal> {
  wire.queue(formatReply(replies.challenge(challenge.toString('base64'))));
  const answer = await wire.line(LIMITS.authResponse, LIMITS.commandTimeout);
  if (answer === 'too-long') return replies.authTooLong;
  const text = Buffer.from(answer.octets).toString('latin1').trim();
  if (text === '*') return replies.authCancelled;
  return decode(text) ?? replies.badResponse;
}

/** Node's decoder skips anything that is not base64. */
const decodeAnything = (text: string): Buffer => Buffer.from(text, 'base64');

function decodeStrictly(text: string): Buffer | undefined {
  const octets = decodeAnything(text);
  return octets.toString('base64') === text ? octets : undefined;
}
