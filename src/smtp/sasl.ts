// SASL mechanisms (RFC 4954 carries them) as generators, so that who drives the exchange knows none of
// them. A client yields its responses and is sent the challenges, both decoded.

export type Credentials = { readonly username: string; readonly password: string };

/** Yields responses; `next(challenge)` resumes it. */
export type SaslClient = Generator<Buffer, void, Buffer>;

export type ClientMechanism = {
  readonly name: string;
  /** Whether the first response goes with the AUTH command; else the server's first challenge is waited for. */
  readonly clientFirst: boolean;
  start(credentials: Credentials): SaslClient;
};

/** RFC 4616. */
export const PLAIN: ClientMechanism = {
  name: 'PLAIN',
  clientFirst: true,
  *start({ username, password }) {
    yield Buffer.from(`\0${username}\0${password}`);
  },
};

/** Never standardised; what Microsoft's servers offer: asks for the name, then the password. */
export const LOGIN: ClientMechanism = {
  name: 'LOGIN',
  clientFirst: false,
  *start({ username, password }) {
    yield Buffer.from(username);
    yield Buffer.from(password);
  },
};

/** What a device claims at the end of an exchange, still to be checked against what is known of the user. */
export type Claim =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'cram-md5'; readonly username: string; readonly challenge: Buffer; readonly digest: string };

/** Yields challenges and is sent the responses; ends with a claim, or undefined when a response is malformed. */
export type SaslServer = Generator<Buffer, Claim | undefined, Buffer>;

export type ServerMechanism = {
  readonly name: string;
  /** Whether the client may speak first; else an initial response is an error (RFC 4954, section 4). */
  readonly clientFirst: boolean;
  /** `challenge`: octets that never repeat, for mechanisms that need them. */
  start(challenge: () => Buffer): SaslServer;
};

const EMPTY = Buffer.alloc(0);

export const SERVER_MECHANISMS: readonly ServerMechanism[] = [
  {
    name: 'PLAIN',
    clientFirst: true,
    *start() {
      const [, username, password, ...more] = (yield EMPTY).toString('utf8').split('\0');
      if (username === undefined || username === '' || password === undefined || more.length > 0) return undefined;
      return { kind: 'password', username, password };
    },
  },
  {
    name: 'LOGIN',
    clientFirst: true,
    *start() {
      const username = (yield Buffer.from('Username:')).toString('utf8');
      const password = (yield Buffer.from('Password:')).toString('utf8');
      return username === '' ? undefined : { kind: 'password', username, password };
    },
  },
  {
    // RFC 2195
    name: 'CRAM-MD5',
    clientFirst: false,
    *start(challenge) {
      const sent = challenge();
      const response = (yield sent).toString('utf8');
      const match = /^(.+) ([0-9a-f]{32})$/i.exec(response);
      if (match === null) return undefined;
      return { kind: 'cram-md5', username: match[1] ?? '', challenge: sent, digest: (match[2] ?? '').toLowerCase() };
    },
  },
];
