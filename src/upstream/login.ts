// AUTH (RFC 4954): drives whichever mechanism was chosen through its challenges.

import { describeReply } from '../smtp/reply.ts';
import type { Credentials } from '../smtp/sasl/mechanism.ts';
import type { Random } from '../system/random.ts';
import type { Wire } from '../system/wire.ts';
import type { AuthChoice } from '../vocabulary/upstream-target.ts';
import type { Capabilities } from './capabilities.ts';
import { readReply, UpstreamFailed, WAIT } from './dialogue.ts';
import { chooseMechanism } from './mechanisms.ts';

// No mechanism has more rounds than this.
const MOST_ROUNDS = 8;
const NONCE_OCTETS = 18;

export type Login = { readonly choice: Exclude<AuthChoice, 'none'>; readonly credentials: Credentials; readonly isEncrypted: boolean };

/** Logs in; the mechanism's name. Throws UpstreamFailed. */
export async function login(line: Wire, login: Login, capabilities: Capabilities, random: Random): Promise<string> {
  const mechanism = chooseMechanism(login.choice, capabilities.auth, login.isEncrypted);
  if (typeof mechanism === 'string') throw new UpstreamFailed('auth', mechanism);
  const exchange = mechanism.start(login.credentials, () => random.bytes(NONCE_OCTETS));
  const opening = (await exchange.next('accepted')).value; // a generator drops what its first next() is given
  const initial = mechanism.clientFirst && Buffer.isBuffer(opening) ? ` ${base64(opening)}` : '';
  line.queue(Buffer.from(`AUTH ${mechanism.name}${initial}\r\n`));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const reply = await readReply(line, 'auth', WAIT.command);
    if (reply.code === 235) {
      const last = await exchange.next('accepted');
      if (typeof last.value === 'string') throw new UpstreamFailed('auth', last.value);
      return mechanism.name;
    }
    if (reply.code !== 334)
      throw new UpstreamFailed(
        'auth',
        `the login as ${login.credentials.username} by ${mechanism.name} was refused: ${describeReply(reply)}`,
        {
          reply,
        },
      );
    const { value } = await exchange.next(Buffer.from(reply.lines[0], 'base64'));
    if (typeof value === 'string') throw new UpstreamFailed('auth', value);
    line.queue(Buffer.from(`${value === undefined ? '*' : value.toString('base64')}\r\n`));
  }
  throw new UpstreamFailed('auth', 'the server asks and asks');
}

/** RFC 4954, section 4: an initial response of no octets is a lone equals sign, so that it can be told from none. */
const base64 = (octets: Buffer) => (octets.length === 0 ? '=' : octets.toString('base64'));
