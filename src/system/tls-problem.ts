// What OpenSSL has to say, without where in its source it says it.

/** The reason of a TLS error in OpenSSL's own words, such as `unsupported protocol`. */
export function tlsProblem(error: unknown): string {
  const { reason, message } = error as { readonly reason?: unknown; readonly message?: string };
  return typeof reason === 'string' ? reason : (message ?? String(error)).trim();
}
