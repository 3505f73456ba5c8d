// Where a server listens.

/** An address and port to bind; `tls`: TLS from the first byte. */
export type ListenAddress = { readonly host: string; readonly port: number; readonly tls: boolean };

/**
 * A socket that systemd has bound (sd_listen_fds(3)), as a file descriptor; one with the name `smtps` speaks TLS from
 * the first byte.
 */
export type PassedSocket = { readonly descriptor: number; readonly tls: boolean };

/**
 * `host:port`, with an IPv6 address in brackets (RFC 3986, section 3.2.2).
 *
 * ```ts
 * assert.equal(formatEndpoint({ host: '192.0.2.7', port: 25 }), '192.0.2.7:25');
 * assert.equal(formatEndpoint({ host: '::1', port: 25 }), '[::1]:25');
 * ```
 */
export function formatEndpoint({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
