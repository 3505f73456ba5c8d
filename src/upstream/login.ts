// AUTH (RFC 4954): which SASL mechanism to use, and the exchange of its challenges and responses. The mechanism is the
// strongest that is offered, allowed by the configuration and fit for the channel; no password or token leaves without
// TLS.

import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { ClientSide, Credentials, SaslClient } from '../smtp/sasl/mechanism.ts';
import { BEARER_MECHANISMS, type BearerMechanism, CLIENT_MECHANISMS } from '../smtp/sasl/mechanisms.ts';
import type { Random } from '../system/random.ts';
import type { Wire } from '../system/wire.ts';
import type { AuthChoice, TokenLogin } from '../vocabulary/upstream-target.ts';
import { readReply, UpstreamFailed, WAIT } from './dialogue.ts';
import { adviceOnToken } from './token-advice.ts';

// No mechanism has more rounds than this.
const MOST_ROUNDS = 8;
const NONCE_OCTETS = 18;
// Octets of a command line with its end (RFC 5321, section 4.5.3.1.4). An initial response that makes AUTH longer goes
// as an answer of its own (RFC 4954, section 4); tokens often do.
const LONGEST_COMMAND = 512;

/** What the choice of a mechanism depends on. */
export type LoginChoice = {
  readonly choice: Exclude<AuthChoice, 'none'>;
  /** What EHLO offers, in capitals. */
  readonly offered: ReadonlySet<string>;
  /** Whether the connection is under TLS. */
  readonly isEncrypted: boolean;
};

/** The first of the mechanisms that will do, or a sentence that says why there is none. */
export function chooseMechanism<M extends { readonly name: string }>(
  mechanisms: readonly M[],
  { choice, offered, isEncrypted }: LoginChoice,
): M | string {
  if (!isEncrypted) return 'credentials are never sent without TLS';
  const allowed = choice === 'auto' ? mechanisms : mechanisms.filter((mechanism) => mechanism.name.toLowerCase() === choice);
  const found = allowed.find((mechanism) => offered.has(mechanism.name));
  if (found !== undefined) return found;
  const list = offered.size === 0 ? 'no AUTH at all' : `AUTH ${[...offered].join(' ')}`;
  return `the server offers ${list}; usable here: ${allowed.map((mechanism) => mechanism.name).join(', ')}`;
}

/** Logs in and resolves to the mechanism's name; rejects with UpstreamFailed. */
export async function login(wire: Wire, credentials: Credentials | TokenLogin, choice: LoginChoice, random: Random): Promise<string> {
  if ('tokens' in credentials) return await loginWithToken(wire, credentials, choosing(BEARER_MECHANISMS, choice));
  const mechanism = choosing(CLIENT_MECHANISMS, choice);
  const refusal = await authenticate(
    wire,
    mechanism,
    mechanism.start(credentials, () => random.bytes(NONCE_OCTETS)),
  );
  if (refusal === undefined) return mechanism.name;
  throw new UpstreamFailed('auth', describe(refusal, credentials, mechanism), { reply: refusal.reply });
}

function choosing<M extends { readonly name: string }>(mechanisms: readonly M[], choice: LoginChoice): M {
  const mechanism = chooseMechanism(mechanisms, choice);
  if (typeof mechanism === 'string') throw new UpstreamFailed('auth', mechanism);
  return mechanism;
}

/**
 * A token that is refused with 535 may have been revoked, or have expired while the board slept: it is renewed once and
 * tried once more, and only then the login counts as refused.
 */
async function loginWithToken(wire: Wire, credentials: TokenLogin, mechanism: BearerMechanism): Promise<string> {
  const { username, host, port, tokens } = credentials;
  let refused: { readonly token: string; readonly refusal: Refusal } | undefined;
  for (;;) {
    const token = await tokens.token();
    if (typeof token !== 'string') throw new UpstreamFailed('auth', token.problem, token);
    if (token !== refused?.token) {
      const refusal = await authenticate(
        wire,
        mechanism,
        mechanism.start({ username, token, host, port }, () => Buffer.alloc(0)),
      );
      if (refusal === undefined) return mechanism.name;
      if (refusal.reply.code === 535 && refused === undefined) {
        tokens.refused(token);
        refused = { token, refusal };
        continue;
      }
      refused = { token, refusal };
    }
    const { reply } = refused.refusal;
    throw new UpstreamFailed('auth', describe(refused.refusal, credentials, mechanism), { reply, advice: adviceOnToken(reply) });
  }
}

/** A refused login: the reply, and what the challenge before it said. */
type Refusal = { readonly reply: RemoteReply; readonly said: string | undefined };

const describe = ({ reply, said }: Refusal, { username }: { readonly username: string }, { name }: { readonly name: string }) =>
  `the login as ${username} by ${name} was refused: ${describeReply(reply)}${said === undefined ? '' : `; ${said}`}`;

type Offered = Pick<ClientSide, 'clientFirst' | 'explain'> & { readonly name: string };

/** The exchange of one AUTH: undefined once it is accepted. Rejects with UpstreamFailed when it comes to no end. */
async function authenticate(wire: Wire, mechanism: Offered, exchange: SaslClient): Promise<Refusal | undefined> {
  const opening = (await exchange.next('accepted')).value; // a generator drops what its first next() is given
  const initial = mechanism.clientFirst && Buffer.isBuffer(opening) ? opening : undefined;
  const command = `AUTH ${mechanism.name}`;
  const whole = initial === undefined ? `${command}\r\n` : `${command} ${initialResponse(initial)}\r\n`;
  let later = whole.length > LONGEST_COMMAND ? initial : undefined;
  wire.queue(Buffer.from(later === undefined ? whole : `${command}\r\n`));
  let said: string | undefined;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const reply = await readReply(wire, 'auth', WAIT.command);
    if (reply.code === 235) {
      const last = await exchange.next('accepted');
      if (typeof last.value === 'string') throw new UpstreamFailed('auth', last.value);
      return undefined;
    }
    if (reply.code !== 334) return { reply, said };
    const challenge = Buffer.from(reply.lines[0], 'base64');
    if (later === undefined) said = mechanism.explain?.(challenge);
    const value = later ?? (await exchange.next(challenge)).value;
    later = undefined;
    if (typeof value === 'string') throw new UpstreamFailed('auth', value);
    // A mechanism that has nothing more to say cancels the exchange (RFC 4954, section 4).
    wire.queue(Buffer.from(`${value === undefined ? '*' : value.toString('base64')}\r\n`));
  }
  throw new UpstreamFailed('auth', 'the login never ends: the server asks again and again');
}

/** RFC 4954, section 4: an initial response of no octets is a lone equals sign, so that it can be told from none. */
const initialResponse = (octets: Buffer) => (octets.length === 0 ? '=' : octets.toString('base64'));
