// An account at an upstream that takes OAuth tokens in place of a password, as configured.

/** The client that was registered with the authorization server. */
export type OAuthClient = {
  readonly id: string;
  readonly secret: string | undefined;
  /** How the secret is sent (RFC 6749, section 2.3.1): in the header, or in the body of the request. */
  readonly secretIn: 'header' | 'body';
};

/** The addresses of an authorization server, each an https URL. */
export type OAuthEndpoints = {
  readonly token: string;
  /** Where the owner consents in a browser (RFC 6749, section 3.1). */
  readonly authorization?: string | undefined;
  /** RFC 8628, section 3.1. */
  readonly device?: string | undefined;
  /** RFC 7009. */
  readonly revocation?: string | undefined;
};

/** What of Google's JSON key file is used. */
export type ServiceAccountKey = {
  readonly email: string;
  readonly keyId: string | undefined;
  /** PEM. */
  readonly privateKey: string;
};

/**
 * How tokens are got. `refresh`: with a refresh token that the owner's login left in the spool directory.
 * `client-credentials`: with the client's own secret (RFC 6749, section 4.4). `service-account`: with a signed
 * statement (RFC 7523). `command`: from a program or file.
 */
export type OAuthGrant =
  | { readonly kind: 'refresh'; readonly client: OAuthClient; readonly endpoints: OAuthEndpoints; readonly scope: string | undefined }
  | {
      readonly kind: 'client-credentials';
      readonly client: OAuthClient;
      readonly endpoints: OAuthEndpoints;
      readonly scope: string | undefined;
    }
  | { readonly kind: 'service-account'; readonly key: ServiceAccountKey; readonly endpoints: OAuthEndpoints; readonly scope: string }
  | { readonly kind: 'command'; readonly command: string };

/** The variable GATEPOST_OAUTH. */
export type OAuthProvider = 'google' | 'microsoft' | 'generic' | 'command';

/** One account; `host` is the upstream's. */
export type OAuthAccount = {
  readonly provider: OAuthProvider;
  readonly host: string;
  readonly username: string;
  readonly grant: OAuthGrant;
};
