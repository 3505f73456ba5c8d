// Which certificates of upstreams are trusted, as configured.

/** If nothing is set, the built-in roots and those of the system are trusted. */
export type TrustSettings = {
  /** PEM bundle that replaces the roots. */
  readonly ca: string | undefined;
  /** Base64 SHA-256 of the certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4). */
  readonly pin: string | undefined;
  /** Path of a file of roots that is read instead of the system's own. */
  readonly bundle?: string | undefined;
  /** Folders of roots, each named by its hash as c_rehash(1) does, that are read beside the file. */
  readonly folders?: readonly string[] | undefined;
};
