// What was thrown, as a sentence and as a code. Anything can be thrown, so `catch` gives an `unknown`.

import { getSystemErrorMap } from 'node:util';

/** What went wrong, in the words of the error. */
export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of one of Node's errors, such as `ENOENT` or `ERR_PARSE_ARGS_UNKNOWN_OPTION`; undefined for any other. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * What went wrong without the names of files, such as `no such file or directory`: the meaning of the system's code,
 * or the words of the error where it has none.
 */
export function meaningOf(error: unknown): string {
  const code = codeOf(error);
  if (code === undefined) return problemOf(error);
  return [...getSystemErrorMap().values()].find(([name]) => name === code)?.[1] ?? code;
}
