// One upstream as configured.

import type { Credentials } from '../smtp/sasl.ts';

export type AuthChoice = 'auto' | 'scram-sha-256' | 'cram-md5' | 'plain' | 'login' | 'none';

export type UpstreamTarget = {
  /** `starttls`: required after EHLO. `tls`: from the first byte. `plain`: no TLS, to loopback and private addresses only. */
  readonly security: 'starttls' | 'tls' | 'plain';
  readonly host: string;
  readonly port: number;
  readonly credentials: Credentials | undefined;
  readonly auth: AuthChoice;
};

/** How an upstream is named in logs: no credentials. */
export function nameOf(target: { readonly host: string; readonly port: number }): string {
  return `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}
