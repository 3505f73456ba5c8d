// Exit codes (sysexits.h), as scripts and service managers know them.

export const EXIT = {
  ok: 0,
  usage: 64,
  /** What was named is not there. */
  noInput: 66,
  /** A service we need is not there, or refuses. */
  unavailable: 69,
  software: 70,
  temporary: 75,
  /** A login was refused. */
  noPermission: 77,
  configuration: 78,
} as const;
