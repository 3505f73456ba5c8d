// What a SASL mechanism is (RFC 4422; RFC 4954 carries it over SMTP): a generator for each side, so that whoever
// drives the exchange knows none of them. Challenges and responses are octets here; base64 is the driver's.

/** Both as text; the password may be empty. */
export type Credentials = { readonly username: string; readonly password: string };

/** A name, an OAuth access token for it, and the server that is to take it, as the client knows it. */
export type BearerCredentials = { readonly username: string; readonly token: string; readonly host: string; readonly port: number };

/** What a device claims at the end of an exchange, still to be checked against what is known of the user. */
export type Claim =
  | {
      readonly kind: 'password';
      readonly username: string;
      readonly password: string;
      /** Whom the user wants to act for (RFC 4616, section 2), which changes nothing here; absent for nobody else. */
      readonly actingFor?: string;
    }
  /** `digest`: in lower-case hexadecimal, HMAC-MD5 of `challenge` with the password as its key (RFC 2195). */
  | { readonly kind: 'cram-md5'; readonly username: string; readonly challenge: Buffer; readonly digest: string };

/**
 * Yields responses. `next(challenge)` resumes it, `next('accepted')` once the server has accepted the login. It returns
 * why the exchange must not go on, or why the acceptance proves nothing, as a sentence; undefined when all is well.
 */
export type SaslClient = AsyncGenerator<Buffer, string | undefined, Buffer | 'accepted'>;

/**
 * Yields challenges and is resumed with the responses. Returns the claim, or undefined when a response is
 * malformed.
 */
type SaslServer = Generator<Buffer, Claim | undefined, Buffer>;

/** The client's side of a mechanism: ours towards an upstream. `C` is what it logs in with. */
export type ClientSide<C = Credentials> = {
  /**
   * Whether the first response goes with the AUTH command; otherwise what is yielded first is not sent, and the
   * server speaks first.
   */
  readonly clientFirst: boolean;
  /** Begins an exchange. `nonce`: gives octets that never repeat, for mechanisms that need them. */
  start(credentials: C, nonce: () => Buffer): SaslClient;
  /** What the last challenge before a refusal says, as a clause; undefined when it says nothing. */
  explain?(challenge: Buffer): string | undefined;
};

/** The server's side of a mechanism: ours towards a device. */
export type ServerSide = {
  /** Whether the client may speak first; otherwise an initial response is an error (RFC 4954, section 4). */
  readonly clientFirst: boolean;
  /** Whether a response can be checked only with the password itself: a hash of it is not enough. */
  readonly needsPassword: boolean;
  /** Begins an exchange. `challenge`: gives octets that never repeat, for mechanisms that need them. */
  start(challenge: () => Buffer): SaslServer;
};

/** A row of the list of mechanisms. */
export type Mechanism = {
  /** As EHLO and AUTH write it, in capitals; the configuration writes it in lower case. */
  readonly name: string;
  /** A rank: of the mechanisms that an upstream offers, the one with the highest is used. */
  readonly strength: number;
  /** Logs in with a password. */
  readonly client?: ClientSide;
  /** Logs in with an OAuth token. */
  readonly bearer?: ClientSide<BearerCredentials>;
  readonly server?: ServerSide;
};

/** No octets: an empty response or challenge, and what a generator yields before it has anything to send. */
export const EMPTY: Buffer = Buffer.alloc(0);
