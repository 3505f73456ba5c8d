// What devices are offered only if the upstreams offer it, since the relay passes it on.

/** The smallest SIZE in octets (absent for unlimited), and the extensions that every upstream seen so far offers. */
export type Offers = { readonly size?: number; readonly smtpUtf8: boolean; readonly binaryMime: boolean };

/** What holds before any upstream was connected to. */
export const NO_OFFERS: Offers = { smtpUtf8: false, binaryMime: false };
