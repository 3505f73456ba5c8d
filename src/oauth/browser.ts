// The authorization code grant with PKCE (RFC 6749, section 4.1; RFC 7636) and a loopback redirect (RFC 8252, section
// 7.3): the owner consents in a browser on any computer. Where that is the board, the redirect is caught here;
// otherwise the browser can't reach the page, and the owner pastes its address.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OAuthAccount } from '../vocabulary/oauth-account.ts';
import type { AuthorizationServer, Granted } from './endpoint.ts';
import { TokenFailed, unavailable } from './failure.ts';

/** What a login in a browser needs. */
export type BrowserParts = {
  readonly server: Pick<AuthorizationServer, 'code'>;
  readonly account: Pick<OAuthAccount, 'provider' | 'username'>;
  readonly client: { readonly id: string };
  /** The authorization endpoint. */
  readonly address: string;
  readonly scope: string | undefined;
  /** Shows the address to the owner. */
  readonly show: (address: string) => void;
  /** What the owner pastes, a line each time; undefined when nobody can paste any more. */
  readonly pasted: () => Promise<string | undefined>;
  /** Called with a sentence when a pasted line is of no use. */
  readonly complain: (sentence: string) => void;
};

// How long the owner may take, in ms.
const LONGEST_WAIT = 30 * 60_000;

/** Resolves once the owner has consented. Rejects with TokenFailed when that is refused, or takes too long. */
export async function loginInBrowser(parts: BrowserParts): Promise<Granted> {
  const { library } = await import('./library.ts');
  const verifier = library.generateRandomCodeVerifier();
  const state = library.generateRandomState();
  const caught = await catchRedirect();
  const { redirectUri } = caught;
  try {
    parts.show(consentAddress(parts, { redirectUri, state, challenge: await library.calculatePKCECodeChallenge(verifier) }));
    const parameters = await Promise.race([caught.parameters(state), pastedParameters(parts, state), tooLate()]);
    return await parts.server.code({ parameters, redirectUri, state, verifier });
  } finally {
    caught.close();
  }
}

type Request = { readonly redirectUri: string; readonly state: string; readonly challenge: string };

function consentAddress({ account, client, address, scope }: BrowserParts, { redirectUri, state, challenge }: Request): string {
  const url = new URL(address);
  const parameters = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: redirectUri,
    ...(scope === undefined ? {} : { scope }),
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    login_hint: account.username,
    // Google gives a refresh token only when it is asked for one, and at each login only with a new consent.
    ...(account.provider === 'google' ? { access_type: 'offline', prompt: 'consent' } : {}),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** Lines are read until one is the address of our redirect: anything else was a slip of the owner's. */
async function pastedParameters({ pasted, complain }: BrowserParts, state: string): Promise<URLSearchParams> {
  for (;;) {
    const line = await pasted();
    if (line === undefined) return await new Promise(() => {}); // the redirect may still be caught
    const parameters = parametersIn(line.trim());
    if (isOurs(parameters, state)) return parameters;
    if (line.trim() !== '') complain('that is not the address of the page that the browser was sent to by this login; paste all of it');
  }
}

function parametersIn(text: string): URLSearchParams | undefined {
  return URL.canParse(text) ? new URL(text).searchParams : undefined;
}

/** RFC 6749, section 10.12: a redirect that another one's login began has another state. */
const isOurs = (parameters: URLSearchParams | undefined, state: string): parameters is URLSearchParams =>
  parameters?.get('state') === state && (parameters.has('code') || parameters.has('error'));

function tooLate(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(unavailable('nobody has consented in time; "gatepost oauth login" begins anew')), LONGEST_WAIT).unref();
  });
}

type Caught = {
  readonly redirectUri: string;
  /** The parameters of the first redirect that has this state. */
  parameters(state: string): Promise<URLSearchParams>;
  close(): void;
};

/** Listens on loopback for the redirect. Rejects with TokenFailed when it can't. */
async function catchRedirect(): Promise<Caught> {
  let found = (_: URLSearchParams) => {};
  let wanted: string | undefined;
  const server = createServer({ requestTimeout: 10_000, maxHeaderSize: 16_384 }, (request, response) => {
    const parameters = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams;
    const isWanted = wanted !== undefined && isOurs(parameters, wanted);
    response.writeHead(isWanted ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end(isWanted ? 'The relay has the answer: go back to its terminal.\n' : 'Nothing is here.\n');
    if (isWanted) found(parameters);
  });
  server.maxConnections = 4;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new TokenFailed({ cause: 'plain', problem: `no port on loopback: ${error.message}` })));
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    redirectUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    parameters: (state) =>
      new Promise((resolve) => {
        found = resolve;
        wanted = state;
      }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
