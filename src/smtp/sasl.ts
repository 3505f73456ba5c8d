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
