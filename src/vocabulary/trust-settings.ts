// Whom to believe on the far side, as configured.

/** Nothing set: the built-in roots and the system's. */
export type TrustSettings = {
  /** PEM bundle that replaces the roots. */
  readonly ca: string | undefined;
  /** Base64 SHA-256 of the certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4). */
  readonly pin: string | undefined;
  /** A file of roots that is read in place of the system's own. */
  readonly bundle?: string | undefined;
};
