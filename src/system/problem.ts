// What was thrown, as a sentence and as a code. Anything can be thrown, so `catch` gives an `unknown`.

/** What went wrong, in the words of the error. */
export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of one of Node's errors, such as `ENOENT` or `ERR_PARSE_ARGS_UNKNOWN_OPTION`; undefined for any other. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
