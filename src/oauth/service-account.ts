// Tokens for a Google Workspace mailbox by a service account with domain-wide delegation: a statement that its key
// signs (RFC 7523), valid for an hour, with the mailbox as its subject.

import { createSign } from 'node:crypto';
import type { Clock } from '../system/clock.ts';
import type { ServiceAccountKey } from '../vocabulary/oauth-account.ts';
import type { AuthorizationServer } from './endpoint.ts';
import { lost, TokenFailed } from './failure.ts';
import type { Obtained } from './renewal.ts';

/** What the statement says (RFC 7523, section 3). */
export type Statement = {
  readonly key: ServiceAccountKey;
  /** The mailbox. */
  readonly subject: string;
  readonly scope: string;
  /** The token endpoint's URL. */
  readonly audience: string;
};

// Seconds; Google allows no more than an hour.
const VALID_FOR = 3600;
// A board whose date differs by so many ms from the server's can't make a statement that is accepted.
const WRONG_BY = 60_000;

/** The statement as a JWT signed with RS256; `now` in ms since 1970. */
export function signStatement({ key, subject, scope, audience }: Statement, now: number): string {
  const issued = Math.floor(now / 1000);
  const header = { alg: 'RS256', typ: 'JWT', ...(key.keyId === undefined ? {} : { kid: key.keyId }) };
  const claims = { iss: key.email, sub: subject, scope, aud: audience, iat: issued, exp: issued + VALID_FOR };
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key.privateKey, 'base64url')}`;
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

type StatementParts = { readonly server: Pick<AuthorizationServer, 'assertion'>; readonly clock: Clock };

/** Gets a token. Where the board's date is what makes the server refuse, the server's own date is used instead. */
export async function obtainByStatement(statement: Statement, { server, clock }: StatementParts): Promise<Obtained> {
  try {
    return await server.assertion(signStatement(statement, clock.wall()));
  } catch (error) {
    if (!(error instanceof TokenFailed) || error.code !== 'invalid_grant') throw error;
    const { serverTime } = error;
    if (serverTime === undefined || Math.abs(serverTime - clock.wall()) < WRONG_BY) throw notDelegated(error);
    return await server.assertion(signStatement(statement, serverTime));
  }
}

/** No login helps here: the key or its rights are wrong. */
const notDelegated = ({ message }: TokenFailed) =>
  lost(message, "is the service account's domain-wide delegation set for the scope https://mail.google.com/, and does the mailbox exist?");
