// Every limit of the LAN side with a number, in one place. Postfix's own figures where it has one.

export const LIMITS = {
  /** Octets of a command line. RFC 5321 asks for 512 at least; extensions add to it. */
  commandLine: 2_048,
  /** Wait for the next command (RFC 5321, section 4.5.3.2.7), and when connections are short. */
  commandTimeout: 300_000,
  commandTimeoutUnderPressure: 10_000,
  /** Wait for the next octets of a message. */
  dataTimeout: 180_000,
  /** A response in an AUTH exchange (RFC 4954, section 4). */
  authResponse: 12_288,
  tlsHandshake: 30_000,
  /** After this long a message must have come at this many octets a second at least (Postfix's smtpd_min_data_rate). */
  slowAfter: 60_000,
  slowest: 500,
  /** Refusals in a session: from here on each costs a wait ... */
  softErrors: 10,
  /** ... that grows by this ... */
  errorDelay: 1_000,
  /** ... and here the session ends. */
  hardErrors: 20,
  /** Commands that lead to no message. */
  idleCommands: 100,
} as const;
