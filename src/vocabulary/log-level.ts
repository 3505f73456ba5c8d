// How much is logged.

/** From the level with the most lines to the one with the fewest. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** The least level that is logged, or the level of a line. */
export type LogLevel = (typeof LOG_LEVELS)[number];
