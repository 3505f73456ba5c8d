// The AUTH exchange (RFC 4954, section 4): challenges out, responses in, for any mechanism.

import { formatReply, type Reply } from '../smtp/reply.ts';
import type { Claim } from '../smtp/sasl/mechanism.ts';
import type { ServerMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Wire } from '../system/wire.ts';
import { LIMITS } from './limits.ts';
import * as replies from './replies.ts';

export type Exchange = {
  readonly mechanism: ServerMechanism;
  readonly initialResponse: string | undefined;
  /** Octets that never repeat. */
  readonly challenge: () => Buffer;
  /** Takes whatever comes, since everybody is believed: then the strictness of RFC 4616 and 4954 only keeps old devices out. */
  readonly isLenient: boolean;
};

// Whose name could not be read. Not the first word of what came: that may be the password.
const SOMEBODY: Claim = { kind: 'password', username: '', password: '' };

/** The device's claim, or what to refuse it with. */
export async function exchange(wire: Wire, { mechanism, initialResponse, challenge, isLenient }: Exchange): Promise<Claim | Reply> {
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

/** `=` is the empty initial response, which can't be written otherwise. */
const decodeInitial = (text: string, decode: Decode) => (text === '=' ? Buffer.alloc(0) : decode(text));

async function ask(wire: Wire, challenge: Buffer, decode: Decode): Promise<Buffer | Reply> {
  wire.queue(formatReply(replies.challenge(challenge.toString('base64'))));
  const answer = await wire.line(LIMITS.authResponse, LIMITS.commandTimeout);
  if (answer === 'too-long') return replies.authTooLong;
  const text = Buffer.from(answer.octets).toString('latin1').trim();
  if (text === '*') return replies.authCancelled;
  return decode(text) ?? replies.badResponse;
}

/** Node's decoder skips over anything that is not base64. */
const decodeAnything = (text: string): Buffer => Buffer.from(text, 'base64');

function decodeStrictly(text: string): Buffer | undefined {
  const octets = decodeAnything(text);
  return octets.toString('base64') === text ? octets : undefined;
}
