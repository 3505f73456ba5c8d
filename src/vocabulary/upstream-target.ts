// One upstream as configured.

import type { Credentials } from '../smtp/sasl/mechanism.ts';
import type { MechanismChoice } from '../smtp/sasl/mechanisms.ts';
import type { SenderRoute } from './sender-route.ts';
import type { TokenSource } from './token-source.ts';

/** The SASL mechanism to log in with; `auto` for the strongest that the upstream offers. */
export type AuthChoice = 'auto' | MechanismChoice | 'none';

/** One URL of GATEPOST_UPSTREAM. */
export type UpstreamUrl = SenderRoute & {
  /**
   * `starttls`: required after EHLO. `tls`: from the first byte. `plain`: no TLS, to loopback and private addresses
   * only.
   */
  readonly security: 'starttls' | 'tls' | 'plain';
  readonly host: string;
  readonly port: number;
  readonly credentials: Credentials | undefined;
};

/** Logging in with OAuth tokens; host and port are those of the upstream. */
export type TokenLogin = { readonly username: string; readonly host: string; readonly port: number; readonly tokens: TokenSource };

/** An upstream with all that is needed to connect to it. */
export type UpstreamTarget = Omit<UpstreamUrl, 'credentials'> & {
  readonly credentials: Credentials | TokenLogin | undefined;
  readonly auth: AuthChoice;
};
