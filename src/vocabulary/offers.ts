// What the upstreams offer and this relay only passes on: it decides what devices are offered.

/** The smallest SIZE in octets (absent for unlimited), and the extensions that every upstream seen so far offers. */
export type Offers = { readonly size?: number; readonly smtpUtf8: boolean; readonly binaryMime: boolean };

/** Before any upstream was seen. */
export const NO_OFFERS: Offers = { smtpUtf8: false, binaryMime: false };
