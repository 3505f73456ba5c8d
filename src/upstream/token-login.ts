// Logging in with an OAuth token in place of a password (RFC 7628, and Google's XOAUTH2).

import type { BearerMechanism } from '../smtp/sasl/mechanisms.ts';
import type { Wire } from '../system/wire.ts';
import type { TokenLogin } from '../vocabulary/upstream-target.ts';
import { UpstreamFailed } from './dialogue.ts';
import { describeRefused, type Refused, SaslExchange } from './sasl-exchange.ts';
import { Secrets } from './secrets.ts';
import { adviceOnToken } from './token-advice.ts';

/**
 * Resolves to the mechanism's name; rejects with UpstreamFailed. A token that is refused with 535 may have been
 * revoked, or have expired while the board slept: it is renewed once and tried once more, and only then the login
 * counts as refused.
 */
export async function loginWithToken(wire: Wire, credentials: TokenLogin, mechanism: BearerMechanism): Promise<string> {
  const { username, host, port, tokens } = credentials;
  let before: { readonly token: string; readonly refused: Refused } | undefined;
  for (;;) {
    const token = await tokens.token();
    if (typeof token !== 'string') throw new UpstreamFailed('auth', token.problem, token);
    if (token === before?.token) throw failed(before.refused, username, mechanism);
    const client = mechanism.start({ username, token, host, port }, () => Buffer.alloc(0));
    const refused = await new SaslExchange(wire, mechanism, client, new Secrets({ username, password: token })).run();
    if (refused === undefined) return mechanism.name;
    if (refused.reply.code !== 535 || before !== undefined) throw failed(refused, username, mechanism);
    tokens.refused(token);
    before = { token, refused };
  }
}

function failed(refused: Refused, username: string, { name }: BearerMechanism): UpstreamFailed {
  const { reply, said } = refused;
  const problem = `${describeRefused(refused, username, name)}${said === undefined ? '' : `; ${said}`}`;
  return new UpstreamFailed('auth', problem, { reply, advice: adviceOnToken(reply) });
}
