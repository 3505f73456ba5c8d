// AUTH (RFC 4954): which SASL mechanism to use. It is the strongest that is offered, allowed by the configuration and
// fit for the channel; no password or token leaves without TLS. One that the server does not know after all (500 to
// 504) costs nothing: the next is tried on the same connection. One that refuses the login is not followed by another
// at once, since servers count what is refused and lock accounts; but a server that has only hashes of passwords
// refuses SCRAM and CRAM-MD5 with the right password, so the next login begins with the next mechanism.

import type { Credentials } from '../smtp/sasl/mechanism.ts';
import { BEARER_MECHANISMS, CLIENT_MECHANISMS, type ClientMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Random } from '../system/random.ts';
import type { Wire } from '../system/wire.ts';
import type { AuthChoice, TokenLogin } from '../vocabulary/upstream-target.ts';
import { UpstreamFailed } from './dialogue.ts';
import type { Habits } from './habits.ts';
import { describeRefused, type Refused, SaslExchange } from './sasl-exchange.ts';
import { Secrets } from './secrets.ts';
import { loginWithToken } from './token-login.ts';

const NONCE_OCTETS = 18;
// How often a password may be sent over one connection: once, and once more where the first was not judged.
const MOST_PASSWORDS = 2;

/** What the choice of a mechanism depends on. */
export type LoginChoice = {
  readonly choice: Exclude<AuthChoice, 'none'>;
  /** What EHLO offers, in capitals. */
  readonly offered: ReadonlySet<string>;
  /** Whether the connection is under TLS. */
  readonly isEncrypted: boolean;
};

type LoginParts = { readonly random: Random; readonly habits: Habits };

type NonEmpty<T> = readonly [T, ...T[]];

/** Those of `mechanisms` that may be used, in their order; or a sentence that says why there is none. */
export function usableMechanisms<M extends { readonly name: string }>(
  mechanisms: readonly M[],
  { choice, offered, isEncrypted }: LoginChoice,
): NonEmpty<M> | string {
  if (!isEncrypted) return 'credentials are never sent without TLS';
  const allowed = choice === 'auto' ? mechanisms : mechanisms.filter((mechanism) => mechanism.name.toLowerCase() === choice);
  const [first, ...others] = allowed.filter((mechanism) => offered.has(mechanism.name));
  if (first !== undefined) return [first, ...others];
  const list = offered.size === 0 ? 'no AUTH at all' : `AUTH ${[...offered].join(' ')}`;
  return `the server offers ${list}; usable here: ${allowed.map((mechanism) => mechanism.name).join(', ')}`;
}

/** Logs in and resolves to the mechanism's name; rejects with UpstreamFailed. */
export async function login(wire: Wire, credentials: Credentials | TokenLogin, choice: LoginChoice, parts: LoginParts): Promise<string> {
  if ('tokens' in credentials) return await loginWithToken(wire, credentials, chosen(BEARER_MECHANISMS, choice)[0]);
  return await loginWithPassword(wire, credentials, chosen(CLIENT_MECHANISMS, choice), parts);
}

function chosen<M extends { readonly name: string }>(mechanisms: readonly M[], choice: LoginChoice): NonEmpty<M> {
  const usable = usableMechanisms(mechanisms, choice);
  if (typeof usable === 'string') throw new UpstreamFailed('auth', usable);
  return usable;
}

async function loginWithPassword(
  wire: Wire,
  credentials: Credentials,
  usable: readonly ClientMechanism[],
  { random, habits }: LoginParts,
): Promise<string> {
  const ordered = habits.inOrder(usable);
  const secrets = new Secrets(credentials);
  let passwords = 0;
  for (const [at, mechanism] of ordered.entries()) {
    const client = mechanism.start(credentials, () => random.bytes(NONCE_OCTETS));
    const refused = await new SaslExchange(wire, mechanism, client, secrets).run();
    if (refused === undefined) {
      habits.mechanismWorked(mechanism.name);
      return mechanism.name;
    }
    if (refused.result === 'unknown' || isPerhapsHashed(mechanism, refused)) habits.mechanismFailed(mechanism.name);
    passwords += refused.hasSentSecret ? 1 : 0;
    const next = ordered[at + 1];
    if (refused.result === 'unknown' && next !== undefined && passwords < MOST_PASSWORDS) continue;
    throw failed(credentials, mechanism, refused, next);
  }
  throw new UpstreamFailed('auth', 'no mechanism is left'); // there is at least one
}

/**
 * Whether the login may have been refused though the password is right: the server would need it, and has only a hash
 * of it.
 */
function isPerhapsHashed({ name }: ClientMechanism, { result }: Refused): boolean {
  return result === 'refused' && name !== 'PLAIN' && name !== 'LOGIN';
}

function failed(
  { username }: Credentials,
  mechanism: ClientMechanism,
  refused: Refused,
  next: ClientMechanism | undefined,
): UpstreamFailed {
  const { name } = mechanism;
  const { reply } = refused;
  const said = describeRefused(refused, username, name);
  const plan =
    isPerhapsHashed(mechanism, refused) && next !== undefined
      ? `; a server that has only hashes of passwords can't do ${name}, so the next login is by ${next.name}`
      : '';
  // A password that was sent in vain may have been counted, though the reply speaks of the mechanism.
  const isUnjudged = refused.result === 'unknown' && refused.hasSentSecret;
  return new UpstreamFailed('auth', said + plan, { reply, ...(isUnjudged ? { cause: 'login' } : {}) });
}
