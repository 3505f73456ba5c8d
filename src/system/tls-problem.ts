// OpenSSL's errors for people: the reason alone, without the place in its source that Node's message has in front.

/** The reason of a TLS error in OpenSSL's own words, such as `unsupported protocol`; of any other error its message. */
export function tlsProblem(error: unknown): string {
  const { reason, message } = error as { readonly reason?: unknown; readonly message?: string };
  return typeof reason === 'string' ? reason : (message ?? String(error)).trim();
}
