// Exit codes, those of sysexits.h, which scripts and service managers know.

/** Exit codes by what they mean. */
export const EXIT = {
  ok: 0,
  usage: 64,
  /** A message that was named is not there. */
  noInput: 66,
  /** Something needed is not there, or refuses: a port, the spool directory, an upstream. */
  unavailable: 69,
  software: 70,
  temporary: 75,
  /** A login was refused. */
  noPermission: 77,
  configuration: 78,
} as const;
