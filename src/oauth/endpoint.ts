// An authorization server, asked by oauth4webapi, which is loaded when the first question is asked. It checks what
// comes back; here its errors become sentences, and its requests go over https.ts.

import type { OAuthClient, OAuthEndpoints } from '../vocabulary/oauth-account.ts';
import { clientRefused, quoteServer, refusedWith, TokenFailed, unavailable } from './failure.ts';
import { exchange, type HttpsParts } from './https.ts';
import type { Authentication, Library, ServerMetadata } from './library.ts';

/** What a token endpoint gives (RFC 6749, section 5.1). */
export type Granted = {
  readonly accessToken: string;
  /** For how long the access token is good, in ms; undefined where the server does not say. */
  readonly lifetime: number | undefined;
  /** A new refresh token, which takes the place of the one that was used. */
  readonly refreshToken: string | undefined;
};

/** What the owner is shown in the device grant (RFC 8628, section 3.2). */
export type DeviceCode = {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly address: string;
  /** The same with the code in it, where the server has such an address. */
  readonly addressWithCode: string | undefined;
  /** In ms. */
  readonly expiresIn: number;
  readonly interval: number;
};

/** How a code came back from the browser (RFC 6749, section 4.1.2; RFC 7636). */
export type Redirected = {
  readonly parameters: URLSearchParams;
  readonly redirectUri: string;
  readonly state: string;
  readonly verifier: string;
};

type Options = { readonly headers?: Headers };

// Servers that say nothing mean 5 s (RFC 8628, section 3.2).
const INTERVAL = 5;
// What may stand in a token (RFC 6750, section 2.1, and what else is visible): it must not end a field of SASL.
const VISIBLE = /^[\x21-\x7e]+$/;

// The statement itself says who asks.
const SIGNED: Authentication = () => {};

/** One authorization server and the client that it knows. All methods reject with TokenFailed. */
export class AuthorizationServer {
  readonly #client: OAuthClient;
  readonly #endpoints: OAuthEndpoints;
  readonly #parts: HttpsParts;

  constructor(client: OAuthClient, endpoints: OAuthEndpoints, parts: HttpsParts) {
    this.#client = client;
    this.#endpoints = endpoints;
    this.#parts = parts;
  }

  /** Renews by a refresh token (RFC 6749, section 6). */
  refresh(refreshToken: string): Promise<Granted> {
    return this.#tokens([refreshToken], (lib, options) => {
      const { as, client, auth } = this.#as(lib);
      return lib.refreshTokenGrantRequest(as, client, auth, refreshToken, options);
    });
  }

  /** Asks in the client's own name (RFC 6749, section 4.4). */
  clientCredentials(scope: string | undefined): Promise<Granted> {
    return this.#tokens([], (lib, options) => {
      const { as, client, auth } = this.#as(lib);
      return lib.clientCredentialsGrantRequest(as, client, auth, scope === undefined ? {} : { scope }, options);
    });
  }

  /** Asks with a signed statement (RFC 7523, section 2.1). */
  assertion(jwt: string): Promise<Granted> {
    return this.#tokens([jwt], (lib, options) => {
      const { as, client } = this.#as(lib);
      return lib.genericTokenEndpointRequest(
        as,
        client,
        SIGNED,
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
        { assertion: jwt },
        options,
      );
    });
  }

  /** Begins the device grant (RFC 8628, section 3.1). */
  device(scope: string | undefined): Promise<DeviceCode> {
    return this.#ask([], async (lib, options) => {
      const { as, client, auth } = this.#as(lib);
      const reply = await lib.deviceAuthorizationRequest(as, client, auth, scope === undefined ? {} : { scope }, options);
      const found = await lib.processDeviceAuthorizationResponse(as, client, reply);
      return {
        deviceCode: found.device_code,
        userCode: found.user_code,
        address: found.verification_uri,
        addressWithCode: found.verification_uri_complete,
        expiresIn: found.expires_in * 1000,
        interval: (found.interval ?? INTERVAL) * 1000,
      };
    });
  }

  /** Asks whether the owner has consented; rejects with the code `authorization_pending` as long as not. */
  deviceTokens(deviceCode: string): Promise<Granted> {
    return this.#tokens([deviceCode], (lib, options) => {
      const { as, client, auth } = this.#as(lib);
      return lib.deviceCodeGrantRequest(as, client, auth, deviceCode, options);
    });
  }

  /** Exchanges the code that the browser was sent back with; its `state` must be ours. */
  code({ parameters, redirectUri, state, verifier }: Redirected): Promise<Granted> {
    parameters.delete('iss'); // there is one authorization server only, so none can be taken for another (RFC 9207)
    return this.#tokens([parameters.get('code') ?? undefined, verifier], (lib, options) => {
      const { as, client, auth } = this.#as(lib);
      const checked = lib.validateAuthResponse(as, client, parameters, state);
      return lib.authorizationCodeGrantRequest(as, client, auth, checked, redirectUri, verifier, options);
    });
  }

  /** Makes the server forget a token (RFC 7009). Does nothing where it has no address for that. */
  async revoke(token: string): Promise<'revoked' | 'not-possible'> {
    if (this.#endpoints.revocation === undefined) return 'not-possible';
    return await this.#ask<'revoked'>([token], async (lib, options) => {
      const { as, client, auth } = this.#as(lib);
      await lib.processRevocationResponse(await lib.revocationRequest(as, client, auth, token, options));
      return 'revoked';
    });
  }

  #as(lib: Library) {
    const { token, authorization, device, revocation } = this.#endpoints;
    const as: ServerMetadata = {
      issuer: new URL(token).origin,
      token_endpoint: token,
      ...(authorization === undefined ? {} : { authorization_endpoint: authorization }),
      ...(device === undefined ? {} : { device_authorization_endpoint: device }),
      ...(revocation === undefined ? {} : { revocation_endpoint: revocation }),
    };
    const { id, secret, secretIn } = this.#client;
    const withSecret = secretIn === 'body' ? lib.ClientSecretPost : lib.ClientSecretBasic;
    return { as, client: { client_id: id }, auth: secret === undefined ? lib.None() : withSecret(secret) };
  }

  #tokens(secrets: readonly (string | undefined)[], send: (lib: Library, options: Options) => Promise<Response>): Promise<Granted> {
    return this.#ask(secrets, async (lib, options) => {
      const { as, client } = this.#as(lib);
      const found = await lib.processGenericTokenEndpointResponse(as, client, await send(lib, options));
      if (found.token_type !== 'bearer') throw unavailable('the authorization server gives tokens that are no bearer tokens');
      if (!VISIBLE.test(found.access_token)) throw unavailable('the authorization server gives a token with unusable characters');
      return {
        accessToken: found.access_token,
        lifetime: found.expires_in === undefined ? undefined : found.expires_in * 1000,
        refreshToken: found.refresh_token,
      };
    });
  }

  async #ask<T>(secrets: readonly (string | undefined)[], work: (lib: Library, options: Options) => Promise<T>): Promise<T> {
    const { library: lib } = await import('./library.ts');
    try {
      return await work(lib, { [lib.customFetch]: (url: string, init: FetchInit) => this.#fetch(url, init) } as Options);
    } catch (error) {
      throw explained(lib, error, [this.#client.secret, ...secrets]);
    }
  }

  async #fetch(url: string, { method, headers, body }: FetchInit): Promise<Response> {
    const reply = await exchange({ url: new URL(url), method, headers, body: String(body ?? '') }, this.#parts);
    const kept = ['content-type', 'date', 'www-authenticate'].flatMap((name) => {
      const value = reply.headers[name];
      return typeof value === 'string' ? [[name, value] as [string, string]] : [];
    });
    const hasNoBody = reply.status === 204 || reply.text === '';
    return new Response(hasNoBody ? null : withoutIdToken(reply.text), { status: reply.status, headers: kept });
  }
}

type FetchInit = { readonly method: string; readonly headers: Record<string, string>; readonly body?: URLSearchParams | undefined };

/**
 * The reply without the token that says who logged in, which nobody asked for: the library would check it against the
 * board's date, and that may be wrong.
 */
function withoutIdToken(text: string): string {
  if (!text.includes('"id_token"')) return text;
  try {
    const { id_token: _, ...rest } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return JSON.stringify(rest);
  } catch {
    return text; // not JSON: the library says so
  }
}

/** Any error of the library as a TokenFailed; others as they are. */
function explained(lib: Library, error: unknown, secrets: readonly (string | undefined)[]): unknown {
  if (error instanceof TokenFailed) return error;
  if (error instanceof lib.ResponseBodyError) {
    const time = Date.parse(error.response.headers.get('date') ?? '');
    const description = quoteServer(error.error_description ?? '', secrets);
    return refusedWith(quoteServer(error.error, secrets), description, Number.isNaN(time) ? undefined : time);
  }
  if (error instanceof lib.AuthorizationResponseError)
    return refusedWith(quoteServer(error.error, secrets), quoteServer(error.error_description ?? '', secrets));
  if (error instanceof lib.WWWAuthenticateChallengeError) return clientRefused();
  if (!(error instanceof lib.OperationProcessingError || error instanceof lib.UnsupportedOperationError)) return error;
  const { cause } = error;
  const where = cause instanceof Response ? ` (status ${cause.status}, ${cause.headers.get('content-type') ?? 'no content type'})` : '';
  return unavailable(`the authorization server's answer makes no sense: ${quoteServer(error.message, secrets)}${where}`);
}
