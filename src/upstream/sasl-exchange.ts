// One AUTH command with its challenges and responses (RFC 4954), for any mechanism, up to what the server says of it.

import { describeReply, type RemoteReply } from '../smtp/reply.ts';
import type { ClientSide, SaslClient } from '../smtp/sasl/mechanism.ts';
import type { Wire } from '../system/wire.ts';
import { readReply, UpstreamFailed, WAIT } from './dialogue.ts';
import type { Secrets } from './secrets.ts';
import { judge } from './verdict.ts';

// No mechanism has more rounds than this.
const MOST_ROUNDS = 8;
// Octets of a command line with its end (RFC 5321, section 4.5.3.1.4). An initial response that makes AUTH longer goes
// as an answer of its own (RFC 4954, section 4); tokens often do.
const LONGEST_COMMAND = 512;

/**
 * A login that was not accepted. `unknown`: the server does not know the mechanism. `refused`: the secret was judged
 * wrong. `put-off`: nothing was said of it. `said`: what the last challenge before the reply meant.
 */
export type Refused = {
  readonly result: 'unknown' | 'refused' | 'put-off';
  readonly hasSentSecret: boolean;
  readonly reply: RemoteReply;
  readonly said: string | undefined;
};

/** The sentence that says which login was refused, and with which reply. */
export function describeRefused({ reply }: Refused, username: string, mechanism: string): string {
  return `the login as ${username} by ${mechanism} was refused: ${describeReply(reply)}`;
}

type Asked = Pick<ClientSide, 'clientFirst' | 'explain'> & { readonly name: string };

/** One exchange over a connection. What is sent in it, and `secrets` knows, does not show in what it gives back. */
export class SaslExchange {
  readonly #wire: Wire;
  readonly #mechanism: Asked;
  readonly #client: SaslClient;
  readonly #secrets: Secrets;
  #said: string | undefined;

  constructor(wire: Wire, mechanism: Asked, client: SaslClient, secrets: Secrets) {
    this.#wire = wire;
    this.#mechanism = mechanism;
    this.#client = client;
    this.#secrets = secrets;
  }

  /** Undefined once the login is accepted. Rejects with UpstreamFailed where the exchange ends without a verdict. */
  async run(): Promise<Refused | undefined> {
    let later = await this.#begin();
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const reply = await readReply(this.#wire, 'auth', WAIT.command);
      if (reply.code === 235) {
        const last = await this.#client.next('accepted');
        if (typeof last.value === 'string') throw this.#failed(last.value);
        return undefined;
      }
      if (reply.code !== 334) {
        const hasSentSecret = round > 0 || this.#mechanism.name === 'PLAIN';
        return { result: meaningOf(reply, round), hasSentSecret, reply: this.#secrets.hideIn(reply), said: this.#said };
      }
      await this.#answer(reply, later);
      later = undefined;
    }
    throw this.#failed('the login never ends: the server asks again and again');
  }

  /** Sends AUTH; an initial response that is too long for it is given back, to be sent as the first answer. */
  async #begin(): Promise<Buffer | undefined> {
    const { name, clientFirst } = this.#mechanism;
    const opening = (await this.#client.next('accepted')).value; // a generator drops what its first next() is given
    const initial = clientFirst && Buffer.isBuffer(opening) ? opening : undefined;
    if (initial !== undefined) this.#secrets.sent(initial);
    const whole = `AUTH ${name}${initial === undefined ? '' : ` ${initialResponse(initial)}`}\r\n`;
    const isLong = whole.length > LONGEST_COMMAND;
    this.#wire.queue(Buffer.from(isLong ? `AUTH ${name}\r\n` : whole));
    return isLong ? initial : undefined;
  }

  /** Answers a challenge. A mechanism that has nothing more to say cancels the exchange (RFC 4954, section 4). */
  async #answer({ lines }: RemoteReply, initial: Buffer | undefined): Promise<void> {
    const challenge = Buffer.from(lines[0], 'base64');
    if (initial === undefined) this.#said = this.#mechanism.explain?.(challenge);
    const value = initial ?? (await this.#client.next(challenge)).value;
    if (typeof value === 'string') throw this.#failed(value);
    if (value !== undefined) this.#secrets.sent(value);
    this.#wire.queue(Buffer.from(`${value === undefined ? '*' : value.toString('base64')}\r\n`));
  }

  #failed(problem: string): UpstreamFailed {
    return new UpstreamFailed('auth', this.#secrets.hide(problem));
  }
}

/** RFC 4954, section 4: an initial response of no octets is a lone equals sign, so that it can be told from none. */
const initialResponse = (octets: Buffer) => (octets.length === 0 ? '=' : octets.toString('base64'));

/** What a reply other than 334 and 235 means; `round`: 0 for the reply to the AUTH command itself. */
function meaningOf(reply: RemoteReply, round: number): Refused['result'] {
  const { cause } = judge('auth', reply, { hasAccount: true, isKept: false, isNullPath: false, hasParameters: false });
  if (cause === 'mechanism' && round === 0) return 'unknown';
  return cause === 'login-refused' ? 'refused' : 'put-off';
}
