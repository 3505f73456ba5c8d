// What names resolve to, in this process.

import dns, { type LookupAddress } from 'node:dns';

/** Makes the name `localhost`, for which the certificate is, have these addresses in this order; undone by what is returned. */
export function resolveLocalhostTo(addresses: readonly string[]): () => void {
  const { lookup, promises } = dns;
  const promised = promises.lookup;
  const all: readonly LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const isMeant = (name: unknown) => name === 'localhost';
  dns.lookup = ((name: string, options: { readonly all?: boolean }, done: (error: null, found: unknown, family?: number) => void) => {
    if (!isMeant(name)) return (lookup as (...given: unknown[]) => void)(name, options, done);
    setImmediate(() => (options.all === true ? done(null, all) : done(null, all[0]?.address, all[0]?.family)));
  }) as unknown as typeof lookup;
  promises.lookup = (async (name: string, options: { readonly all?: boolean } = {}) => {
    if (!isMeant(name)) return (promised as (...given: unknown[]) => Promise<unknown>)(name, options);
    return options.all === true ? all : all[0];
  }) as unknown as typeof promised;
  return () => {
    dns.lookup = lookup;
    promises.lookup = promised;
  };
}
