// What goes wrong on the way to a token, in sentences. Nothing of what was sent is in them: a server may repeat a
// secret in its own description of an error.

import { printable } from '../smtp/printable.ts';
import type { TokenFailure } from '../vocabulary/token-source.ts';

/** No token can be had. Caught where a TokenSource gives its answer, and by the commands. */
export class TokenFailed extends Error {
  override readonly name = 'TokenFailed';
  readonly failure: TokenFailure;
  /** The error's code (RFC 6749, section 5.2), where the server gave one. */
  readonly code: string | undefined;
  /** The server's date in ms since 1970, where it gave one. */
  readonly serverTime: number | undefined;

  constructor(failure: TokenFailure, known: { readonly code?: string; readonly serverTime?: number | undefined } = {}) {
    super(failure.problem);
    this.failure = failure;
    this.code = known.code;
    this.serverTime = known.serverTime;
  }
}

/** An outage: trying again is of use. */
export const unavailable = (problem: string): TokenFailed => new TokenFailed({ cause: 'plain', problem });

/** Nothing is to be had until the owner does what `advice` says. */
export const lost = (problem: string, advice: string): TokenFailed => new TokenFailed({ cause: 'authorization-lost', problem, advice });

// Characters of a server's description that are quoted.
const LONGEST_DESCRIPTION = 300;
// Shorter texts stand in any sentence.
const SHORTEST_SECRET = 6;

/** A server's own words on one line, cut, and without any of the secrets. */
export function quoteServer(text: string, secrets: readonly (string | undefined)[]): string {
  const clean = secrets.reduce<string>(
    (rest, secret) => (secret === undefined || secret.length < SHORTEST_SECRET ? rest : rest.replaceAll(secret, '***')),
    text,
  );
  return printable(clean.replace(/\s+/g, ' ').trim().slice(0, LONGEST_DESCRIPTION));
}

const LOG_IN_AGAIN = 'log in again: gatepost oauth login';
const CHECK_THE_CLIENT = 'GATEPOST_OAUTH_CLIENT_ID or GATEPOST_OAUTH_CLIENT_SECRET is wrong, or the secret has expired';

/** What the owner can do about an error of a token endpoint (RFC 6749, section 5.2), by its code. */
const ADVICE: Readonly<Record<string, string>> = {
  invalid_grant: LOG_IN_AGAIN,
  interaction_required: LOG_IN_AGAIN,
  consent_required: LOG_IN_AGAIN,
  login_required: LOG_IN_AGAIN,
  access_denied: 'the consent was refused; the account needs the consent of its owner, or of the administrator',
  invalid_client: CHECK_THE_CLIENT,
  unauthorized_client: 'the client may not do this: its registration at the provider does not permit this kind of login',
  unsupported_grant_type: 'the authorization server does not know this kind of login',
  invalid_scope: 'the scope is wrong: see GATEPOST_OAUTH_SCOPE',
  invalid_target: 'the scope is wrong: see GATEPOST_OAUTH_SCOPE',
  invalid_request: 'the authorization server does not understand the request: are the GATEPOST_OAUTH_ variables right?',
};

/** Rows for what providers say in their descriptions; the first match wins. Sources: AADSTS error codes of Entra ID. */
const WORDS: readonly { readonly says: RegExp; readonly advice: string }[] = [
  { says: /AADSTS65001/, advice: 'the administrator of the organisation has not consented to this application yet' },
  {
    says: /AADSTS(?:7000215|7000222)/,
    advice: "GATEPOST_OAUTH_CLIENT_SECRET is wrong or has expired; it is the secret's value, not its ID",
  },
  { says: /AADSTS(?:700016|90002)/, advice: 'GATEPOST_OAUTH_CLIENT_ID or GATEPOST_OAUTH_TENANT is not known to Microsoft' },
  { says: /AADSTS(?:7000218|70002)/, advice: 'the registration must allow public client flows (Authentication, Advanced settings)' },
];

/** The failure that an error code of a token endpoint means. */
export function refusedWith(code: string, description: string, serverTime?: number): TokenFailed {
  const said = description === '' ? '' : `: ${description}`;
  const problem = `the authorization server gives no token (${code}${said})`;
  const advice = WORDS.find(({ says }) => says.test(description))?.advice ?? ADVICE[code];
  // What is not known is taken for an outage: trying again does no harm, and waiting for an owner might.
  const failure: TokenFailure = advice === undefined ? { cause: 'plain', problem } : { cause: 'authorization-lost', problem, advice };
  return new TokenFailed(failure, { code, serverTime });
}

/** The failure that the client itself was refused, whatever it asked for (RFC 6749, section 5.2). */
export const clientRefused = (): TokenFailed =>
  new TokenFailed(
    { cause: 'authorization-lost', problem: 'the authorization server refuses the client (401)', advice: CHECK_THE_CLIENT },
    { code: 'invalid_client' },
  );
