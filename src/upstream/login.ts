// AUTH (RFC 4954): which SASL mechanism to use, and the exchange of its challenges and responses. The mechanism is the
// strongest that is offered, allowed by the configuration and fit for the channel; no password leaves without TLS.

import { describeReply } from '../smtp/reply.ts';
import type { Credentials } from '../smtp/sasl/mechanism.ts';
import { CLIENT_MECHANISMS, type ClientMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Random } from '../system/random.ts';
import type { Wire } from '../system/wire.ts';
import type { AuthChoice } from '../vocabulary/upstream-target.ts';
import { readReply, UpstreamFailed, WAIT } from './dialogue.ts';

// No mechanism has more rounds than this.
const MOST_ROUNDS = 8;
const NONCE_OCTETS = 18;

/** What the choice of a mechanism depends on. */
export type LoginChoice = {
  readonly choice: Exclude<AuthChoice, 'none'>;
  /** What EHLO offers, in capitals. */
  readonly offered: ReadonlySet<string>;
  /** Whether the connection is under TLS. */
  readonly isEncrypted: boolean;
};

/** The mechanism, or a sentence that says why there is none. */
export function chooseMechanism({ choice, offered, isEncrypted }: LoginChoice): ClientMechanism | string {
  if (!isEncrypted) return 'credentials are never sent without TLS';
  const allowed = choice === 'auto' ? CLIENT_MECHANISMS : CLIENT_MECHANISMS.filter((mechanism) => mechanism.name.toLowerCase() === choice);
  const found = allowed.find((mechanism) => offered.has(mechanism.name));
  if (found !== undefined) return found;
  const list = offered.size === 0 ? 'no AUTH at all' : `AUTH ${[...offered].join(' ')}`;
  return `the server offers ${list}; usable here: ${allowed.map((mechanism) => mechanism.name).join(', ')}`;
}

/** Logs in and resolves to the mechanism's name; rejects with UpstreamFailed. */
export async function login(wire: Wire, credentials: Credentials, choice: LoginChoice, random: Random): Promise<string> {
  const mechanism = chooseMechanism(choice);
  if (typeof mechanism === 'string') throw new UpstreamFailed('auth', mechanism);
  const exchange = mechanism.start(credentials, () => random.bytes(NONCE_OCTETS));
  const opening = (await exchange.next('accepted')).value; // a generator drops what its first next() is given
  const initial = mechanism.clientFirst && Buffer.isBuffer(opening) ? ` ${initialResponse(opening)}` : '';
  wire.queue(Buffer.from(`AUTH ${mechanism.name}${initial}\r\n`));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const reply = await readReply(wire, 'auth', WAIT.command);
    if (reply.code === 235) {
      const last = await exchange.next('accepted');
      if (typeof last.value === 'string') throw new UpstreamFailed('auth', last.value);
      return mechanism.name;
    }
    if (reply.code !== 334) {
      const problem = `the login as ${credentials.username} by ${mechanism.name} was refused: ${describeReply(reply)}`;
      throw new UpstreamFailed('auth', problem, { reply });
    }
    const { value } = await exchange.next(Buffer.from(reply.lines[0], 'base64'));
    if (typeof value === 'string') throw new UpstreamFailed('auth', value);
    // A mechanism that has nothing more to say cancels the exchange (RFC 4954, section 4).
    wire.queue(Buffer.from(`${value === undefined ? '*' : value.toString('base64')}\r\n`));
  }
  throw new UpstreamFailed('auth', 'the login never ends: the server asks again and again');
}

/** RFC 4954, section 4: an initial response of no octets is a lone equals sign, so that it can be told from none. */
const initialResponse = (octets: Buffer) => (octets.length === 0 ? '=' : octets.toString('base64'));
