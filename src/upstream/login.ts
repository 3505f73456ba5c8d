// AUTH (RFC 4954): which SASL mechanism to use, and the exchange of its challenges and responses. The mechanism is the
// strongest that is offered, allowed by the configuration and fit for the channel; no password leaves without TLS. One
// that the server does not know after all (500 to 504) costs nothing: the next is tried on the same connection. One
// that refuses the login is not followed by another at once, since servers count what is refused and lock accounts; but
// a server that has only hashes of passwords refuses SCRAM and CRAM-MD5 with the right password, so the next login
// begins with the next mechanism.

import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { Credentials } from '../smtp/sasl/mechanism.ts';
import { CLIENT_MECHANISMS, type ClientMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Random } from '../system/random.ts';
import type { Wire } from '../system/wire.ts';
import type { AuthChoice } from '../vocabulary/upstream-target.ts';
import { readReply, UpstreamFailed, WAIT } from './dialogue.ts';
import type { Habits } from './habits.ts';
import { Secrets } from './secrets.ts';
import { judge } from './verdict.ts';

// No mechanism has more rounds than this.
const MOST_ROUNDS = 8;
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

/** The mechanisms that may be used, the strongest first, at least one; or a sentence that says why there is none. */
export function usableMechanisms({ choice, offered, isEncrypted }: LoginChoice): readonly ClientMechanism[] | string {
  if (!isEncrypted) return 'credentials are never sent without TLS';
  const allowed = choice === 'auto' ? CLIENT_MECHANISMS : CLIENT_MECHANISMS.filter((mechanism) => mechanism.name.toLowerCase() === choice);
  const found = allowed.filter((mechanism) => offered.has(mechanism.name));
  if (found.length > 0) return found;
  const list = offered.size === 0 ? 'no AUTH at all' : `AUTH ${[...offered].join(' ')}`;
  return `the server offers ${list}; usable here: ${allowed.map((mechanism) => mechanism.name).join(', ')}`;
}

/** Logs in and resolves to the mechanism's name; rejects with UpstreamFailed. */
export async function login(wire: Wire, credentials: Credentials, choice: LoginChoice, { random, habits }: LoginParts): Promise<string> {
  const usable = usableMechanisms(choice);
  if (typeof usable === 'string') throw new UpstreamFailed('auth', usable);
  const ordered = habits.inOrder(usable);
  const secrets = new Secrets(credentials);
  let passwords = 0;
  for (const [at, mechanism] of ordered.entries()) {
    const end = await new Exchange(wire, mechanism, credentials, secrets).run(() => random.bytes(NONCE_OCTETS));
    if (end.result === 'accepted') {
      habits.mechanismWorked(mechanism.name);
      return mechanism.name;
    }
    if (end.result === 'unknown' || isPerhapsHashed(mechanism, end)) habits.mechanismFailed(mechanism.name);
    passwords += end.hasSentPassword ? 1 : 0;
    const next = ordered[at + 1];
    if (end.result === 'unknown' && next !== undefined && passwords < MOST_PASSWORDS) continue;
    throw refused(credentials, mechanism, end, next);
  }
  throw new UpstreamFailed('auth', 'no mechanism is left'); // there is at least one
}

/** `unknown`: no password was judged. `refused`: it was judged wrong. `put-off`: nothing was said of it. */
type Refused = { readonly result: 'unknown' | 'refused' | 'put-off'; readonly hasSentPassword: boolean; readonly reply: RemoteReply };
type End = { readonly result: 'accepted' } | Refused;

/**
 * Whether the login may have been refused though the password is right: the server would need it, and has only a hash
 * of it.
 */
function isPerhapsHashed({ name }: ClientMechanism, { result }: Refused): boolean {
  return result === 'refused' && name !== 'PLAIN' && name !== 'LOGIN';
}

function refused({ username }: Credentials, mechanism: ClientMechanism, end: Refused, next: ClientMechanism | undefined): UpstreamFailed {
  const { name } = mechanism;
  const { reply } = end;
  const said = `the login as ${username} by ${name} was refused: ${describeReply(reply)}`;
  const plan =
    isPerhapsHashed(mechanism, end) && next !== undefined
      ? `; a server that has only hashes of passwords can't do ${name}, so the next login is by ${next.name}`
      : '';
  // A password that was sent in vain may have been counted, though the reply speaks of the mechanism.
  const isUnjudged = end.result === 'unknown' && end.hasSentPassword;
  return new UpstreamFailed('auth', said + plan, { reply, ...(isUnjudged ? { cause: 'login' } : {}) });
}

/** One AUTH command, up to the server's verdict. */
class Exchange {
  readonly #wire: Wire;
  readonly #mechanism: ClientMechanism;
  readonly #credentials: Credentials;
  readonly #secrets: Secrets;

  constructor(wire: Wire, mechanism: ClientMechanism, credentials: Credentials, secrets: Secrets) {
    this.#wire = wire;
    this.#mechanism = mechanism;
    this.#credentials = credentials;
    this.#secrets = secrets;
  }

  /** Rejects with UpstreamFailed where it ends without a verdict. */
  async run(nonce: () => Buffer): Promise<End> {
    const { name, clientFirst } = this.#mechanism;
    const client = this.#mechanism.start(this.#credentials, nonce);
    const opening = (await client.next('accepted')).value; // a generator drops what its first next() is given
    const initial = clientFirst && Buffer.isBuffer(opening) ? ` ${this.#initialResponse(opening)}` : '';
    this.#wire.queue(Buffer.from(`AUTH ${name}${initial}\r\n`));
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const reply = await readReply(this.#wire, 'auth', WAIT.command);
      if (reply.code === 235) {
        const last = await client.next('accepted');
        if (typeof last.value === 'string') throw this.#failed(last.value);
        return { result: 'accepted' };
      }
      if (reply.code !== 334) {
        return { result: meaningOf(reply, round), hasSentPassword: round > 0 || name === 'PLAIN', reply: this.#secrets.hideIn(reply) };
      }
      await this.#answer(client, reply);
    }
    throw this.#failed('the login never ends: the server asks again and again');
  }

  /** Answers a challenge. A mechanism that has nothing more to say cancels the exchange (RFC 4954, section 4). */
  async #answer(client: ReturnType<ClientMechanism['start']>, { lines }: RemoteReply): Promise<void> {
    const { value } = await client.next(Buffer.from(lines[0], 'base64'));
    if (typeof value === 'string') throw this.#failed(value);
    if (value !== undefined) this.#secrets.sent(value);
    this.#wire.queue(Buffer.from(`${value === undefined ? '*' : value.toString('base64')}\r\n`));
  }

  /** RFC 4954, section 4: an initial response of no octets is a lone equals sign, so that it can be told from none. */
  #initialResponse(octets: Buffer): string {
    this.#secrets.sent(octets);
    return octets.length === 0 ? '=' : octets.toString('base64');
  }

  #failed(problem: string): UpstreamFailed {
    return new UpstreamFailed('auth', this.#secrets.hide(problem));
  }
}

/** What a reply other than 334 and 235 means; `round`: 0 for the reply to the AUTH command itself. */
function meaningOf(reply: RemoteReply, round: number): Refused['result'] {
  const { cause } = judge('auth', reply, { hasAccount: true, isKept: false, isNullPath: false, hasParameters: false });
  if (cause === 'mechanism' && round === 0) return 'unknown';
  return cause === 'login-refused' ? 'refused' : 'put-off';
}
