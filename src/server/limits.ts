// Every limit that this folder holds devices to, in one place, with Postfix's own figure where Postfix has one. The
// limits of the grammar (lengths of paths, parameters and lines) stand beside it in src/smtp, those of the header
// section in src/message. What the owner sets comes from the configuration.

/** Durations in milliseconds. */
export const LIMITS = {
  /** Octets of a command line. RFC 5321 asks for at least 512; extensions add to it. */
  commandLine: 2_048,
  /** The wait for the next command (RFC 5321, section 4.5.3.2.7) ... */
  commandTimeout: 300_000,
  /** ... and the same while connections are short, also for an answer to AUTH and during the wait after errors. */
  commandTimeoutUnderPressure: 10_000,
  /** The wait for the next octets of a message ... */
  dataTimeout: 180_000,
  /** ... and the same while connections are short: a camera may be busy with the next picture. */
  dataTimeoutUnderPressure: 30_000,
  /** Octets of a response in an AUTH exchange (RFC 4954, section 4). */
  authResponse: 12_288,
  tlsHandshake: 30_000,
  /** After this time a message must have come at `slowest` octets a second or more (Postfix's smtpd_min_data_rate). */
  slowAfter: 60_000,
  slowest: 500,
  /** A session may get this many refusals without delay. Each further one costs a wait ... */
  softErrors: 10,
  /** ... that grows by this much each time ... */
  errorDelay: 1_000,
  /** ... and with this many refusals the session ends. */
  hardErrors: 20,
  /** Commands in a row that bring no message nearer. */
  idleCommands: 100,
  /** Beyond this share of GATEPOST_MAX_CONNECTIONS idle sessions must end sooner. */
  pressure: 0.8,
  /** Connections that were refused and have not closed yet; more are closed without a reply. */
  turnedAway: 50,
  /** An IPv6 network (/64) counts for so many devices: it is a whole LAN, and a device has many of its addresses. */
  devicesInNetwork: 4,
  /** Devices whose messages are counted for GATEPOST_DEVICE_RATE: a flood of addresses must not fill the memory. */
  countedDevices: 4_096,
  /** Wrong passwords of one address that cost nothing: somebody is setting a device up. */
  freeLogins: 3,
  /** The first wait after those; it doubles with each further wrong password ... */
  loginDelay: 1_000,
  /** ... up to this: a device that has the right password by now still gets through. */
  longestLoginDelay: 10_000,
  /** After this time without a wrong password an address starts anew. */
  loginMemory: 15 * 60_000,
  /** Addresses whose wrong passwords are remembered; beyond it, the one whose last was longest ago is forgotten. */
  guessingAddresses: 1_024,
  /** How often devices with large messages can have the upstreams asked for their SIZE. */
  relearnSize: 5 * 60_000,
} as const;

/**
 * How many octets of a message are read at most, in octets, although only `sizeLimit` are accepted: the refusal of a
 * message that is too large can only be sent after its end, so its end is waited for, within reason.
 */
export const mostRead = (sizeLimit: number): number => 2 * sizeLimit + 1_000_000;
