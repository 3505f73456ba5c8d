// A certificate and its key.

/** Both as PEM; `cert` may be a chain. */
export type KeyPair = { readonly cert: string; readonly key: string };
